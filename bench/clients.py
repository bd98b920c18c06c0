"""The clients that all servers are measured with."""
import json
import re
import tempfile
from typing import NamedTuple

from servers import RELEASE, Missed, own_cpu, run

# a tester may send 120 requests in a minute
MAX_BATCHES_OF_TESTER = 110


class Load(NamedTuple):
    rate: float  # requests per second
    p50: float  # ms, not a number where too few were answered
    p99: float
    slow: int  # requests that got no answer within two seconds
    cpu: float  # ms of the server's processor for a request


def to_ms(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}[unit]


def wrk(server, method, path, body, seconds, connections):
    """Sends one request again and again over a few connections."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f'wrk.method = "{method}"\nwrk.headers["Authorization"] = "Api-Key {server.key}"\n'
                     'wrk.headers["Content-Type"] = "application/json"\n')
        if body:
            # each request changes the study
            script.write('local n = 0\nrequest = function()\n n = n + 1\n'
                         ' return wrk.format(nil, nil, nil, string.format([[{"completion_url":"https://a.test/%d"}]], n))\nend\n')
        script.flush()
        before = server.cpu()
        out = run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script.name, server.origin + path],
                  seconds=seconds + 60)
        spent = server.cpu() - before
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    rate, count = re.search(r"Requests/sec:\s+([\d.]+)", out), re.search(r"(\d+) requests in", out)
    if bad or not rate or not count or int(count[1]) == 0:
        raise Missed(f"{method} {path} of {server.name}: {bad[0] if bad else f'no answer in {seconds} s'}")
    found = [re.search(rf"^\s+{part}%\s+(\S+)$", out, re.M) for part in ("50", "99")]
    p50, p99 = (to_ms(line[1]) if line else float("nan") for line in found)
    slow = re.search(r"Socket errors:.* timeout (\d+)", out)
    return Load(float(rate[1]), p50, p99, int(slow[1]) if slow else 0, spent / int(count[1]) * 1e3)


def send(server, sessions, batches, connections, folder):
    """Sends batches of 500 events to sessions that have got none before; what the driver and the system say of it."""
    plan = {"address": server.address, "path": "/api/data/events", "sessions": sessions, "batches": batches}
    file = folder / "plan.json"
    file.write_text(json.dumps(plan))
    before, mine = server.cpu(), own_cpu()
    told = json.loads(run([RELEASE / "bench-ingest", "send", file, connections], seconds=60 + batches))
    told["server_cpu"], told["client_cpu"] = server.cpu() - before, own_cpu() - mine
    told["rate"] = told["events"] / told["seconds"]
    return told
