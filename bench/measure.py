"""Measures outscout and the reference server over the same studies, and the function binaries beside a hello-world."""
import argparse
import pathlib
import tempfile
import uuid

import requests

import binaries
import studies
from clients import wrk
from servers import PATIENCE, Missed, Outscout, Reference, Rows


def cost(outscout, method, path, body=None):
    """What the canonical line says of one request, on a warm process."""
    for attempt in range(2):
        request_id = uuid.uuid4().hex
        body = body and b'{"completion_url":"https://b.test/%d"}' % attempt
        headers = {"Authorization": f"Api-Key {outscout.key}", "X-Request-Id": request_id, "Content-Type": "application/json"}
        requests.request(method, outscout.origin + path, data=body, headers=headers, timeout=PATIENCE).raise_for_status()
    lines = requests.get(f"{outscout.ready['control']}/_local/log", params={"request_id": request_id}, timeout=PATIENCE).json()
    if not lines:
        raise Missed(f"no log line of {method} {path}")
    return " / ".join(str(lines[0][f"store.{name}"]) for name in ("calls", "sequential", "items_read"))


def fill(outscout, rows, file, options):
    """Imports the studies, measures two rows beside the work that this leaves, and waits until it is done."""
    # the operator signs in beforehand
    outscout.listed()
    seconds = outscout.import_studies(file, options.studies, outscout.organization())
    print(f"{options.studies} studies imported in {seconds:.0f} s ({options.studies / seconds:.0f}/s)\n")
    for name, path in (("retrieve", studies.detail(0)), ("list page 1", "/v1/studies/")):
        load = rows.attempt(f"{name} after the import", wrk, outscout, "GET", path, None, 2, options.connections)
        if load:
            print(f"while the operator's lists follow: {name} {load.rate:.0f} req/s, p50 {load.p50:.2f} ms{slow(load)}")
    followed = rows.attempt("the operator's list", outscout.follow, options.studies)
    if followed is not None:
        print(f"the operator's list counted all {followed:.1f} s later")
    rows.idle(outscout, "after the import")


def slow(load):
    return f", {load.slow} without an answer in 2 s" if load.slow else ""


def side(load):
    return f"{load.rate:10.0f}{load.p50:10.2f}{load.p99:10.2f}" if load else f"{'-':>10}" * 3


def table(outscout, reference, rows, options):
    print(f"{'':18}{'outscout':>30}{'reference':>30}{'ratio':>8}   store per request, warm: calls / sequential / items read")
    print(f"{'':18}" + f"{'req/s':>10}{'p50 ms':>10}{'p99 ms':>10}" * 2 + f"{'req/s':>8}")
    p50 = {}
    for name, method, path, body in studies.requests(options.studies):
        loads = [rows.attempt(f"{name} of {who}", wrk, server, method, path, body, options.seconds, options.connections)
                 for who, server in (("outscout", outscout), ("the reference", reference))]
        told = rows.attempt(f"cost of {name}", cost, outscout, method, path, body)
        ratio = f"{loads[0].rate / loads[1].rate:8.2f}" if all(loads) else f"{'-':>8}"
        p50[name] = loads[0].p50 if loads[0] else float("nan")
        print(f"{name:18}{side(loads[0])}{side(loads[1])}{ratio}   {told or '-'}{''.join(slow(load) for load in loads if load)}", flush=True)
    print(f"\nlast page / page 1, p50: {p50['list last page'] / p50['list page 1']:.2f}\n")


def binary_table(figures):
    hello = figures.get("bench-hello")
    if hello is None:
        raise Missed("no ratios without bench-hello")
    print(f"{'':26}{'size MB':>10}{'start ms':>10}{'warm ms':>10}{'peak MB':>10}   ratios to hello (store calls included)")
    for name, found in figures.items():
        found = found[:4]
        ratios = "  ".join(f"{ours / theirs:.2f}" for ours, theirs in zip(found, hello))
        print(f"{name:26}" + "".join(f"{figure:10.2f}" for figure in found) + f"   {ratios}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=4)
    options = parser.parse_args()
    with Rows() as rows, tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        file = work / "studies.json"
        studies.write(file, options.studies)
        with Outscout(work / "data") as outscout:
            fill(outscout, rows, file, options)
            Reference.load(work / "reference", file)
            with Reference(work / "reference") as reference:
                table(outscout, reference, rows, options)
            rows.idle(outscout, "after the requests")
        one = studies.detail(options.studies // 2)
        figures = binaries.measure(rows, outscout.data, outscout.key, one)
        rows.attempt("table of binaries", binary_table, figures)


if __name__ == "__main__":
    main()
