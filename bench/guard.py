"""Guarded speed: small ratios against other people's servers in one run, held against `floors.toml`. In each row outscout and its
reference take turns for some rounds, so that a busy moment meets both, and the best round of each side counts."""
import argparse
import pathlib
import statistics
import sys
import tempfile
import time
from typing import NamedTuple

import binaries
import floors
import studies
from clients import send, wrk
from servers import IngestReference, Ingesting, Missed, Outscout, Reference, Rows, own_cpu

FILE = pathlib.Path(__file__).parent / "floors.toml"
STUDIES, IMPORTS = 5_000, 3
WINDOWS, CONNECTIONS = 5, 4
BATCHES, REFERENCE_BATCHES, SENDINGS = 300, 100, 3
# a tester may send 120 requests in a minute
TESTERS, REFERENCE_TESTERS = 3, 1
TABLE, CHAINS = 50_000, 3
SERVED = {
    "list page 1": "list-first-page", "list last page": "list-last-page", "retrieve": "retrieve", "PATCH": "patch",
}
BINARIES = {"outset-fallback": "fallback", "outset-studies-retrieve": "retrieve", "outset-studies-update": "update"}


class Side(NamedTuple):
    """What one side did in a round."""

    rate: float  # rows, requests, … a second
    cpu: float  # ms of the processor for a thousand of them


class Run:
    """The figures of one run, each with what it was made of."""

    def __init__(self):
        self.figures, self.details = {}, {}

    def put(self, name, figure, detail):
        self.figures[name], self.details[name] = figure, detail

    def ratios(self, name, rounds, unit):
        """Two rows of rounds, each of ours and the reference: how often a second, and for how much of the processor. What else runs on
        the machine makes both only worse, so the best round of each side is nearest to what it can do."""
        ours, theirs = (Side(max(side.rate for side in sides), min(side.cpu for side in sides)) for sides in zip(*rounds))
        slowest = min(own.rate for own, _ in rounds)
        self.put(name, ours.rate / theirs.rate, f"{ours.rate:,.0f} to {theirs.rate:,.0f} {unit}; the slowest of {len(rounds)} rounds {slowest:,.0f}")
        self.put(f"{name}-cpu", theirs.cpu / ours.cpu, f"{ours.cpu:,.2f} to {theirs.cpu:,.2f} ms for 1,000")


def imports(run, outscout, work):
    """Loads the same studies into both, again and again; what is left is the last organization and the last folder."""
    rounds, settled, follows = [], [], []
    # the operator signs in beforehand
    outscout.listed()
    for number in range(IMPORTS):
        file, folder = work / "studies.json", work / f"reference-{number}"
        studies.write(file, STUDIES, STUDIES * number)
        seconds, cpu = Reference.load(folder, file)
        theirs = Side(STUDIES / seconds, cpu / STUDIES * 1e6)
        organization, before = outscout.organization(), outscout.cpu() + own_cpu()
        imported = outscout.import_studies(file, STUDIES, organization)
        between = outscout.cpu() + own_cpu()
        follows.append(outscout.follow(STUDIES * (number + 1)))
        cpu = [(until - before) / STUDIES * 1e6 for until in (between, outscout.cpu() + own_cpu())]
        rounds.append((Side(STUDIES / imported, cpu[0]), theirs))
        settled.append((Side(STUDIES / (imported + follows[-1]), cpu[1]), theirs))
    run.ratios("import", rounds, "studies/s")
    run.ratios("settled-members", settled, "members/s")
    rates = [ours.rate for ours, _ in settled]
    run.put("settled-members-each-second", max(rates), f"the slowest of {IMPORTS} rounds {min(rates):,.0f}")
    run.put("seconds-to-settle", statistics.median(follows), " ".join(f"{seconds:.2f}" for seconds in follows))
    return folder


def served(run, outscout, reference):
    def window(server, method, path, body):
        load = wrk(server, method, path, body, 1, CONNECTIONS)
        return Side(load.rate, load.cpu * 1e3)

    asked = {name: rest for name, *rest in studies.requests(STUDIES, STUDIES * (IMPORTS - 1)) if name in SERVED}
    rounds = {name: [] for name in asked}
    # a machine that stands still for a second costs a round, not the row
    windows = Rows()
    for _ in range(WINDOWS):
        for name, request in asked.items():
            sides = [windows.attempt(name, window, server, *request) for server in (outscout, reference)]
            if all(sides):
                rounds[name].append(sides)
    for name, found in rounds.items():
        if len(found) > WINDOWS // 2:
            run.ratios(SERVED[name], found, "req/s")


def outset(run, work):
    with Outscout(work / "data") as outscout:
        folder = imports(run, outscout, work)
        quiet = outscout.quiet(60)
        idle = [outscout.busy(3) for _ in range(3)]
        run.put("idle-processor", min(idle), f"quiet {quiet:.1f} s after the last import; {min(idle):.1%} to {max(idle):.1%}")
        with Reference(folder) as reference:
            served(run, outscout, reference)
        run.put("server-peak-mib", outscout.peak(), f"{STUDIES * IMPORTS:,} studies")
    return outscout


def function_binaries(run, rows, outscout):
    one = studies.detail(STUDIES * IMPORTS - 1)
    found = binaries.measure(rows, outscout.data, outscout.key, one, {"bench-hello", *BINARIES})
    hello = found.get("bench-hello")
    if hello is None:
        raise Missed("no ratios without bench-hello")
    for binary, name in BINARIES.items():
        if binary not in found:
            continue
        run.put(f"start-{name}", found[binary].soonest / hello.soonest, f"{found[binary].soonest:.1f} to {hello.soonest:.1f} ms")
        run.put(f"start-{name}-cpu", found[binary].cpu / hello.cpu, f"{found[binary].cpu:.1f} to {hello.cpu:.1f} ms")
        run.put(f"size-{name}", found[binary].size / hello.size, f"{found[binary].size:.2f} to {hello.size:.2f} MB")


def ingestion(run, work, place):
    data = work / "ingest" if place == "file" else None
    with Ingesting(TESTERS * SENDINGS, data) as ours, IngestReference(REFERENCE_TESTERS * SENDINGS, data and work / "ingest.sqlite") as theirs:
        rounds = [(sent(ours, TESTERS, BATCHES, number, work), sent(theirs, REFERENCE_TESTERS, REFERENCE_BATCHES, number, work))
                  for number in range(SENDINGS)]
    run.ratios(f"ingestion-{place}", rounds, "events/s")


def sent(server, testers, batches, number, work):
    told = send(server, server.sessions[testers * number:testers * (number + 1)], batches, CONNECTIONS, work)
    return Side(told["rate"], told["server_cpu"] / told["events"] * 1e6)


def chains(run, work):
    # pandas takes a second to load
    import jobs

    with Outscout(work / "jobs", OUTSCOUT_LOG="warn") as server:
        key = jobs.sign_up(server)
        jobs.table(work / "table.csv", TABLE)
        rounds = []
        for _ in range(CHAINS):
            *steps, _, cpu = jobs.chain(server, key, work)
            rounds.append([Side(TABLE / sum(seconds), spent / TABLE * 1e6) for seconds, spent in zip(steps, cpu)])
    run.ratios("job-chain", rounds, "rows/s")


def measure():
    """A run; what fails in it has no figure."""
    run, rows = Run(), Rows()
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        outscout = rows.attempt("studies", outset, run, work)
        if outscout:
            rows.attempt("binaries", function_binaries, run, rows, outscout)
        for place in ("memory", "file"):
            rows.attempt(f"ingestion-{place}", ingestion, run, work, place)
        rows.attempt("job-chain", chains, run, work)
    return run


def table(bounds, run):
    width = max(map(len, [*bounds, *run.figures])) + 2
    print(f"{'':{width}}{'measured':>10}{'bound':>18}{'fails at':>10}")
    for name in [*bounds, *(set(run.figures) - set(bounds))]:
        figure, bound = run.figures.get(name), bounds.get(name)
        told = f"{figure:>10.4g}" if figure is not None else f"{'-':>10}"
        told += f"{bound.kind:>10}{bound.bound:>8g}{bound.limit:>10.4g}" if bound else " " * 28
        print(f"{name:{width}}{told}   {run.details.get(name, '')}")


def main():
    parser = argparse.ArgumentParser(prog="bench/guard")
    parser.add_argument("--record", action="store_true", help="raise floors and lower ceilings to the worst of the runs")
    parser.add_argument("--runs", type=int, help="measure so many times: 1, and 5 to record")
    options = parser.parse_args()
    bounds, runs, wrong = floors.read(FILE.read_text()), [], []
    for _ in range(options.runs or (5 if options.record else 1)):
        began = time.monotonic()
        run = measure()
        table(bounds, run)
        print(f"measured in {time.monotonic() - began:.0f} s\n", flush=True)
        runs.append(run.figures)
        wrong += floors.judge(bounds, run.figures)
    if options.record:
        FILE.write_text(floors.raised(FILE.read_text(), floors.worst(bounds, runs)))
    if wrong:
        sys.exit("\n".join(["bench/guard failed:", *wrong]))


if __name__ == "__main__":
    main()
