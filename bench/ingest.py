"""Ingestion: batches of 500 events into outscout and into a FastAPI + SQLite endpoint, by the same client in one run."""
import argparse
import json
import pathlib
import tempfile

from clients import MAX_BATCHES_OF_TESTER, send
from servers import RELEASE, IngestReference, Ingesting, Rows, run


def ours(rows, place, data, options, folder):
    """What was told of the batches, with what was stored."""
    with Ingesting(-(-options.batches // MAX_BATCHES_OF_TESTER), data) as server:
        told = send(server, server.sessions, options.batches, options.connections, folder)
        rows.idle(server, f"outscout, {place}, after the batches")
        return told | {"stored": server.stored()}


def theirs(file, options, folder):
    with IngestReference(-(-options.reference_batches // MAX_BATCHES_OF_TESTER), file) as server:
        return send(server, server.sessions, options.reference_batches, options.connections, folder)


def line(name, told, other=None):
    if not told:
        return f"| {name} | not measured | | | | | | |"
    ratio = f"{told['rate'] / other['rate']:.1f}" if other else ""
    return (f"| {name} | {told['batches'] / told['seconds']:,.0f} | {told['rate']:,.0f} | {told['p50']:.1f} | {told['p99']:.1f} "
            f"| {told['server_cpu'] / told['batches'] * 1e3:.2f} | {told['client_cpu'] / told['batches'] * 1e3:.2f} | {ratio} |")


def units(told):
    thousands = told["events"] / 1_000
    stored = told["stored"]
    print(f"\nCPU is per batch of 500 events; an event is {told['bytes'] / told['events']:.0f} bytes on the wire and "
          f"{stored['bytes'] / told['events']:.1f} in the store.")
    # each request counts in its window, and reads who calls (three items below 4 KB) and the session, consistently
    requests = told["batches"] / thousands
    # a batch is kept in a transaction, which costs twice, with a check of its session
    written = 2 * stored["write_units"] / thousands + 3 * requests
    print(f"1,000 events take {written:.1f} write units and {4 * requests:.0f} read units.")


def analyser(events):
    told = json.loads(run([RELEASE / "bench-ingest", "analyse", events]))
    print(f"\nThe analyser: {told['events']:,} events, {told['snapshots']:,} snapshots and {told['segments']:,} segments in "
          f"{told['seconds']:.3f} s ({told['events'] / told['seconds']:,.0f} events/s), {told['moments']:,} moments.")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batches", type=int, default=3_000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--reference-batches", type=int, default=200)
    parser.add_argument("--events", type=int, default=200_000)
    options = parser.parse_args()
    lines = ["| | batches/s | events/s | p50 ms | p99 ms | server CPU ms | client CPU ms | events/s, ratio |",
             "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    with Rows() as rows, tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for place in ("in memory", "on file"):
            data = folder / "data" if place == "on file" else None
            told, other = rows.attempt(f"outscout, {place}", ours, rows, place, data, options, folder), None
            if options.reference_batches:
                file = data and folder / "reference.sqlite"
                other = rows.attempt(f"FastAPI + SQLite, {place}", theirs, file, options, folder)
            lines.append(line(f"outscout, {place}", told, other))
            if options.reference_batches:
                lines.append(line(f"FastAPI + SQLite, {place}", other))
        print("\n".join(lines))
        if told:
            units(told)
        rows.attempt("the analyser", analyser, options.events)


if __name__ == "__main__":
    main()
