"""The servers that are measured, each a process of its own, and what the system says of a process."""
import atexit
import contextlib
import json
import os
import pathlib
import resource
import select
import signal
import socket
import subprocess
import sys
import time

import requests

ROOT = pathlib.Path(__file__).resolve().parent.parent
RELEASE = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "release"
TICKS = os.sysconf("SC_CLK_TCK")
# seconds that one answer may take before it counts as none
PATIENCE = 30
# an idle server takes less of a processor
QUIET = 0.1


class Missed(Exception):
    """A measurement that did not come about: too slow, refused, or the process is gone."""


# what may go wrong with a measurement; `requests` raises OSErrors, an answer that is no JSON ValueErrors
FAULTS = (Missed, OSError, ValueError, subprocess.SubprocessError)


class Rows:
    """Runs measurements one by one: one that fails is noted, and the next one runs. The end of its `with` ends the program with 1 if
    something was not measured."""

    def __init__(self):
        self.missed = []

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if kind and issubclass(kind, FAULTS):
            self.note("what follows", error)
        elif kind:
            return
        if self.missed:
            sys.exit(f"not measured: {', '.join(self.missed)}")

    def note(self, name, error):
        self.missed.append(name)
        print(f"{name}: not measured: {type(error).__name__}: {error}", flush=True)

    def attempt(self, name, measure, *arguments):
        """What `measure` finds; nothing when it fails, which is told at once."""
        try:
            return measure(*arguments)
        except FAULTS as error:
            return self.note(name, error)

    def idle(self, server, when):
        """Waits until background work has drained, and prints what the server does then."""
        told = self.attempt(f"idle {when}", server.idle)
        if told:
            print(f"{when}: {told}\n", flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(command, seconds=600, **how):
    """What a command says on standard output; it failed when it says so, or takes longer."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=seconds, **how)
    if done.returncode:
        raise Missed(f"{pathlib.Path(command[0]).name}: {done.stderr.strip()[-500:] or done.returncode}")
    return done.stdout


class Server:
    """A process that serves until it is stopped: at the end of its `with`, or with the program."""

    def __init__(self, command, **how):
        self.name = pathlib.Path(command[0]).name
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL} | how
        self.process = subprocess.Popen([str(word) for word in command], **how)
        atexit.register(self.stop)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def told(self, seconds=120):
        """The next line of JSON that the process prints."""
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            raise Missed(f"{self.name} said nothing within {seconds} s")
        line = self.process.stdout.readline()
        if not line:
            raise Missed(f"{self.name} ended")
        return json.loads(line)

    def wait_for(self, port, seconds=30):
        """Waits until something answers on the port."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.05)
        raise Missed(f"{self.name} does not answer on port {port}")

    def cpu(self):
        """Seconds of processor time that the process and its children have taken."""
        return cpu(self.process.pid)

    def busy(self, seconds):
        """The share of one processor that the process takes while nobody asks it."""
        before, began = self.cpu(), time.monotonic()
        time.sleep(seconds)
        return (self.cpu() - before) / (time.monotonic() - began)

    def quiet(self, limit=600):
        """Waits until background work has drained and the process is idle; seconds that this took, to half a second."""
        began = time.monotonic()
        while (share := self.busy(0.5)) > QUIET:
            if time.monotonic() - began > limit:
                raise Missed(f"{self.name} still takes {share:.0%} of a processor after {limit} s")
        return time.monotonic() - began - 0.5

    def peak(self):
        """Most memory in MiB that the process ever had."""
        return peak(self.process.pid)

    def idle(self):
        """What the process does when all is done, in words: how long that took, its processor and memory."""
        drained = self.quiet()
        return f"drained in {drained:.1f} s, then idle at {self.busy(5):.1%} of a processor; peak memory {self.peak():.0f} MiB"

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE)
            self.process.kill()
        self.process.wait()


def cpu(pid):
    """Seconds of processor time of a process, its children, and those that it has waited for."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    seconds = sum(map(int, fields[11:15])) / TICKS
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        # one may end meanwhile
        with contextlib.suppress(OSError):
            seconds += sum(cpu(int(child)) for child in (thread / "children").read_text().split())
    return seconds


def children_cpu():
    """Seconds of processor time of the commands that this program has run to their ends."""
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def own_cpu():
    """Seconds of processor time of this program and of the commands that it has run to their ends."""
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) + children_cpu()


def peak(pid):
    """Most memory in MiB that a process ever had."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


class Outscout(Server):
    """The local system on a data directory, without limits for Outset's callers; further settings are environment variables."""

    def __init__(self, data, *arguments, **settings):
        self.data, self.operator = data, None
        environment = os.environ | {"OUTSCOUT_OUTSET_LIMIT_FREE": "0", "OUTSCOUT_OUTSET_LIMIT_ANONYMOUS": "0"} | settings
        super().__init__([RELEASE / "outscout", "serve", "--port", "0", "--no-demo", "--ready-json", "--data", data, *arguments],
                         env=environment)
        self.ready = self.told()
        self.origin = self.ready["outset"].removesuffix("/v1")

    def command(self, *arguments):
        """What a command of the command line tells, beside the running server."""
        return json.loads(run([RELEASE / "outscout", *arguments, "--json", "--data", self.data]))

    def organization(self):
        """A new organization; `key` is from now on a key of it."""
        organization = self.command("org", "create", "--name", "bench")["id"]
        self.key = self.command("key", "create", "--org", organization)["key"]
        return organization

    def import_studies(self, file, count, organization):
        """Seconds that the import of a file took."""
        began = time.monotonic()
        told = self.command("study", "import", file, "--org", organization)
        if told["imported"] != count:
            raise Missed(f"imported {told}, not {count}")
        return time.monotonic() - began

    def listed(self):
        """The studies that the operator's list counts, which follows writes by background work."""
        if self.operator is None:
            made = self.command("admin", "create", "--email", "operator@example.com")
            self.operator = requests.Session()
            person = {"email": made["email"], "password": made["password"]}
            answer = self.operator.post(self.ready["openscouter"] + "/auth/sign-in", json=person, timeout=PATIENCE)
            answer.raise_for_status()
            self.operator.headers["Authorization"] = "Bearer " + answer.json()["data"]["accessToken"]
        answer = self.operator.get(self.ready["openscouter"] + "/jobs", params={"limit": 1}, timeout=PATIENCE)
        answer.raise_for_status()
        return answer.json()["metadata"]["total"]

    def follow(self, count, limit=600):
        """Waits until the operator's list counts so many studies; seconds that this took."""
        began = time.monotonic()
        while (found := self.listed()) < count:
            waited = time.monotonic() - began
            if waited > limit:
                raise Missed(f"the operator's list counts {found} of {count} studies after {limit} s")
            # an admin may ask 600 times in a minute
            time.sleep(0.05 if waited < 10 else 0.5)
        return time.monotonic() - began


class Store(Server):
    """The embedded store alone, on a data directory that no server uses; `place` says how to reach it."""

    def __init__(self, data):
        announced = data / "endpoint"
        announced.unlink(missing_ok=True)
        super().__init__([RELEASE / "outscout", "store", "--port", "0", "--data", data])
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(OSError, ValueError):
                self.place = json.loads(announced.read_text())
                return
            time.sleep(0.05)
        raise Missed("the store does not answer")


class Reference(Server):
    """The Django REST framework server over SQLite in a folder, under gunicorn with one worker."""

    key = "good"
    LOADER = """
import datetime, json, sys, time
from reference import Study
began, cpu, at = time.monotonic(), time.process_time(), datetime.datetime.fromisoformat
rows = json.load(open(sys.argv[1]))
Study.objects.bulk_create([Study(id=r['id'], name=r['name'], status=r['status'], active=r['status'] == 'open',
    created_at=at(r['created_at']), updated_at=at(r['created_at'])) for r in rows], batch_size=5000)
print(json.dumps([time.monotonic() - began, time.process_time() - cpu]))
"""

    @classmethod
    def load(cls, folder, file):
        """Loads studies into a new folder; seconds of it and of the processor, without the start of Python."""
        folder.mkdir()
        return json.loads(run([sys.executable, "-c", cls.LOADER, file], cwd=folder))

    def __init__(self, folder):
        port = free_port()
        self.origin = f"http://127.0.0.1:{port}"
        command = [pathlib.Path(sys.executable).parent / "gunicorn", "-w1", "-b", f"127.0.0.1:{port}", "server:application"]
        super().__init__(command, cwd=folder, env=os.environ | {"REFERENCE_RATE": "100000000/min"}, stdout=subprocess.DEVNULL)
        self.wait_for(port)


class Ingesting(Server):
    """outscout with a study, testers and a running session of each, in memory or on a data directory."""

    def __init__(self, testers, data=None):
        super().__init__([RELEASE / "bench-ingest", "serve", testers, *([data] if data else [])],
                         stdin=subprocess.PIPE, env=os.environ | {"OUTSCOUT_LOG": "warn"})
        told = self.told()
        self.address = told["url"].removeprefix("http://").removesuffix("/api")
        self.sessions = told["sessions"]

    def stored(self):
        """Stops it; what was stored."""
        self.process.stdin.close()
        return self.told()


class IngestReference(Server):
    """The same endpoint with FastAPI, pydantic and SQLite, in memory or in a file."""

    def __init__(self, testers, file=None):
        self.sessions = [{"session": f"sess_{number}", "token": f"{number:048x}"} for number in range(testers)]
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        pairs = ",".join(f"{one['token']}={one['session']}" for one in self.sessions)
        environment = os.environ | {"REFERENCE_SESSIONS": pairs, "REFERENCE_FILE": str(file or ":memory:")}
        command = [sys.executable, "-m", "uvicorn", "ingest_reference:app", "--workers", "1", "--port", port, "--log-level", "warning", "--no-access-log"]
        super().__init__(command, cwd=ROOT / "bench", env=environment, stdout=subprocess.DEVNULL)
        self.wait_for(port)
