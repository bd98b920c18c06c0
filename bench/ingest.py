"""Ingestion: batches of 500 events into outscout and into a FastAPI + SQLite endpoint, by the same client in one run."""
import argparse
import contextlib
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DRIVER = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/bench-ingest"
# a tester may send 120 requests in a minute
MOST_OF_A_TESTER = 110
TICKS = os.sysconf("SC_CLK_TCK")


def cpu(process):
    """Seconds of processor time that a process has taken."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Outscout:
    def __init__(self, testers, data):
        command = [DRIVER, "serve", str(testers), *([data] if data else [])]
        environment = os.environ | {"OUTSCOUT_LOG": "warn"}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
        told = json.loads(self.process.stdout.readline())
        self.address = told["url"].removeprefix("http://").removesuffix("/api")
        self.sessions = told["sessions"]

    def stop(self):
        """What was stored."""
        self.process.stdin.close()
        stored = json.loads(self.process.stdout.readline())
        self.process.wait()
        return stored


class Reference:
    def __init__(self, testers, file):
        self.sessions = [{"session": f"sess_{number}", "token": f"{number:048x}"} for number in range(testers)]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        pairs = ",".join(f"{one['token']}={one['session']}" for one in self.sessions)
        environment = os.environ | {"REFERENCE_SESSIONS": pairs, "REFERENCE_FILE": str(file or ":memory:")}
        command = [sys.executable, "-m", "uvicorn", "ingest_reference:app", "--workers", "1", "--port", str(port),
                   "--log-level", "warning", "--no-access-log"]
        self.process = subprocess.Popen(command, cwd=ROOT / "bench", env=environment)
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.1)
        sys.exit("the reference does not answer")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def measure(server, batches, connections, folder):
    plan = {"address": server.address, "path": "/api/data/events", "sessions": server.sessions, "batches": batches}
    file = folder / "plan.json"
    file.write_text(json.dumps(plan))
    before, mine = cpu(server.process), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([DRIVER, "send", file, str(connections)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    told = json.loads(done.stdout)
    client = resource.getrusage(resource.RUSAGE_CHILDREN)
    told["server_cpu"] = cpu(server.process) - before
    told["client_cpu"] = client.ru_utime + client.ru_stime - mine.ru_utime - mine.ru_stime
    return told


def row(name, told, other=None):
    rate = told["events"] / told["seconds"]
    ratio = f"{rate / (other['events'] / other['seconds']):.1f}" if other else ""
    print(f"| {name} | {told['batches'] / told['seconds']:,.0f} | {rate:,.0f} | {told['p50']:.1f} | {told['p99']:.1f} "
          f"| {told['server_cpu'] / told['batches'] * 1e3:.2f} | {told['client_cpu'] / told['batches'] * 1e3:.2f} | {ratio} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batches", type=int, default=3_000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--reference-batches", type=int, default=200)
    parser.add_argument("--events", type=int, default=200_000)
    options = parser.parse_args()
    testers = -(-options.batches // MOST_OF_A_TESTER)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        print("| | batches/s | events/s | p50 ms | p99 ms | server CPU ms | client CPU ms | events/s, ratio |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
        for place in ("in memory", "on file"):
            data = folder / "data" if place == "on file" else None
            server = Outscout(testers, data)
            ours = measure(server, options.batches, options.connections, folder)
            stored = server.stop()
            other = None
            if options.reference_batches:
                reference = Reference(testers, data and folder / "reference.sqlite")
                other = measure(reference, options.reference_batches, options.connections, folder)
                reference.stop()
            row(f"outscout, {place}", ours, other)
            if other:
                row(f"FastAPI + SQLite, {place}", other)
        thousands = ours["events"] / 1_000
        print(f"\nCPU is per batch of 500 events; an event is {ours['bytes'] / ours['events']:.0f} bytes on the wire and "
              f"{stored['bytes'] / ours['events']:.1f} in the store.")
        # each request counts in its window, and reads who calls (three items below 4 KB) and the session, consistently
        requests = ours["batches"] / thousands
        # a batch is kept in a transaction, which costs twice, with a check of its session
        units = 2 * stored["write_units"] / thousands + 3 * requests
        print(f"1,000 events take {units:.1f} write units and {4 * requests:.0f} read units.")
        told = json.loads(subprocess.run([DRIVER, "analyse", str(options.events)], capture_output=True, text=True, check=True).stdout)
        print(f"\nThe analyser: {told['events']:,} events, {told['snapshots']:,} snapshots and {told['segments']:,} segments in "
              f"{told['seconds']:.3f} s ({told['events'] / told['seconds']:,.0f} events/s), {told['moments']:,} moments.")


if __name__ == "__main__":
    main()
