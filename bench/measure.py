"""Measures outscout and the reference server over the same studies, and the function binaries beside a hello-world."""
import argparse
import contextlib
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid

import binaries

ROOT = pathlib.Path(__file__).resolve().parent.parent
RELEASE = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
BASE = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)


def study_id(number):
    return f"00000000-0000-4000-8000-{number:012}"


def studies(count):
    for number in range(count):
        yield {
            "id": study_id(number), "name": f"Study {number}", "status": "open" if number % 2 else "paused",
            "created_at": (BASE + datetime.timedelta(seconds=number)).isoformat(), "tasks": ["Look around"],
        }


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    sys.exit(f"nothing answers on port {port}")


class Outscout:
    def __init__(self, work, count):
        self.data = work / "data"
        environment = os.environ | {"OUTSCOUT_OUTSET_LIMIT_FREE": "0", "OUTSCOUT_OUTSET_LIMIT_ANONYMOUS": "0"}
        self.process = subprocess.Popen(
            [RELEASE / "outscout", "serve", "--port", "0", "--no-demo", "--ready-json", "--data", self.data],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.ready = json.loads(self.process.stdout.readline())
        self.origin = self.ready["outset"].removesuffix("/v1")
        organization = self.command("org", "create", "--name", "bench")["id"]
        self.key = self.command("key", "create", "--org", organization)["key"]
        file = work / "studies.json"
        file.write_text(json.dumps(list(studies(count))))
        began = time.monotonic()
        imported = self.command("study", "import", file, "--org", organization)
        self.import_seconds = time.monotonic() - began
        assert imported["imported"] == count, imported

    def command(self, *arguments):
        done = subprocess.run([RELEASE / "outscout", *arguments, "--json", "--data", self.data],
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def busy(self, seconds):
        """The share of one processor that the server takes while nobody asks it."""
        def ticks():
            return sum(map(int, pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))
        before = ticks()
        time.sleep(seconds)
        return (ticks() - before) / os.sysconf("SC_CLK_TCK") / seconds

    def settle(self):
        """Waits until the work that the import left is done."""
        began = time.monotonic()
        while self.busy(1) > 0.1:
            if time.monotonic() - began > 600:
                sys.exit("not settled after ten minutes")
        return time.monotonic() - began

    def cost(self, method, path, body=None):
        """What the canonical line says of one request, on a warm process."""
        for attempt in range(2):
            request_id = uuid.uuid4().hex
            body = body and b'{"completion_url":"https://b.test/%d"}' % attempt
            headers = {"Authorization": f"Api-Key {self.key}", "X-Request-Id": request_id, "Content-Type": "application/json"}
            request = urllib.request.Request(self.origin + path, body, headers, method=method)
            urllib.request.urlopen(request).read()
        with urllib.request.urlopen(f"{self.ready['control']}/_local/log?request_id={request_id}") as answer:
            line = json.load(answer)[0]
        return {name: line[f"store.{name}"] for name in ("calls", "sequential", "items_read")}


class Reference:
    key = "good"

    def __init__(self, work, count):
        folder = work / "reference"
        folder.mkdir()
        environment = os.environ | {"REFERENCE_RATE": "100000000/min"}
        loader = ("import sys, json, datetime\nfrom reference import Study\n"
                  "rows = json.load(open(sys.argv[1]))\n"
                  "at = datetime.datetime.fromisoformat\n"
                  "Study.objects.bulk_create([Study(id=r['id'], name=r['name'], status=r['status'], active=r['status'] == 'open',"
                  " created_at=at(r['created_at']), updated_at=at(r['created_at'])) for r in rows], batch_size=5000)\n")
        subprocess.run([sys.executable, "-c", loader, work / "studies.json"], cwd=folder, env=environment, check=True)
        port = free_port()
        self.origin = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [pathlib.Path(sys.executable).parent / "gunicorn", "-w1", "-b", f"127.0.0.1:{port}", "server:application"],
            cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(port)


def to_ms(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def load(server, method, path, body, seconds, connections):
    """Requests per second, p50 and p99 in ms, by wrk."""
    script = tempfile.NamedTemporaryFile("w", suffix=".lua")
    script.write(f'wrk.method = "{method}"\nwrk.headers["Authorization"] = "Api-Key {server.key}"\n'
                 'wrk.headers["Content-Type"] = "application/json"\n')
    if body:
        # each request changes the study
        script.write('local n = 0\nrequest = function()\n n = n + 1\n'
                     ' return wrk.format(nil, nil, nil, string.format([[{"completion_url":"https://a.test/%d"}]], n))\nend\n')
    script.flush()
    out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script.name, server.origin + path],
                         capture_output=True, text=True, check=True).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    assert not bad, f"{method} {path}: {bad[0]}"
    found = {name: re.search(rf"^\s+{name}%\s+(\S+)$", out, re.M) for name in ("50", "99")}
    # without an answer in time wrk says nothing
    latency = {name: to_ms(line[1]) if line else float("nan") for name, line in found.items()}
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]), latency["50"], latency["99"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=4)
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp())
    servers = []
    try:
        outscout = Outscout(work, options.studies)
        servers.append(outscout)
        rate = options.studies / outscout.import_seconds
        print(f"{options.studies} studies imported in {outscout.import_seconds:.0f} s ({rate:.0f}/s)\n")
        for name, path in (("retrieve", f"/v1/studies/{study_id(0)}/"), ("list page 1", "/v1/studies/")):
            requests, half, _ = load(outscout, "GET", path, None, 2, options.connections)
            print(f"while the operator's lists follow: {name} {requests:.0f} req/s, p50 {half:.2f} ms")
        print(f"settled {outscout.settle():.0f} s later; then idle at {outscout.busy(5):.1%} of a processor\n")
        reference = Reference(work, options.studies)
        servers.append(reference)
        last = options.studies // 10
        one = f"/v1/studies/{study_id(options.studies // 2)}/"
        rows = [("list page 1", "GET", "/v1/studies/", None), ("list last page", "GET", f"/v1/studies/?page={last}", None),
                ("list middle page", "GET", f"/v1/studies/?page={last // 2}", None),
                ("retrieve", "GET", one, None), ("PATCH", "PATCH", one, b'{"completion_url":"https://b.test/"}')]
        print(f"{'':18}{'outscout':>30}{'reference':>30}{'ratio':>8}   store per request, warm")
        print(f"{'':18}" + f"{'req/s':>10}{'p50 ms':>10}{'p99 ms':>10}" * 2 + f"{'req/s':>8}   calls / sequential / items read")
        p50 = {}
        for name, method, path, body in rows:
            ours, theirs = (load(server, method, path, body, options.seconds, options.connections) for server in (outscout, reference))
            cost = outscout.cost(method, path, body)
            p50[name] = ours[1]
            figures = "".join(f"{side[0]:10.0f}{side[1]:10.2f}{side[2]:10.2f}" for side in (ours, theirs))
            print(f"{name:18}{figures}{ours[0] / theirs[0]:8.2f}   {cost['calls']} / {cost['sequential']} / {cost['items_read']}")
        print(f"\nlast page / page 1, p50: {p50['list last page'] / p50['list page 1']:.2f}\n")
        for server in servers:
            server.process.send_signal(signal.SIGTERM)
            server.process.wait()
        servers.clear()
        binaries.measure(RELEASE, outscout, one, work)
    finally:
        for server in servers:
            server.process.kill()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
