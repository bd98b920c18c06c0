"""Measures function binaries over the Lambda Runtime API, each as a ratio to a hello-world of lambda_http."""
import http.server
import json
import os
import pathlib
import queue
import statistics
import subprocess
import threading
import time
from typing import NamedTuple

from servers import PATIENCE, RELEASE, Missed, Store, children_cpu, cpu, peak

STARTS, WARM = 15, 200


class Runtime:
    """The Runtime API for one process at a time."""

    def __init__(self):
        self.events, self.answers = queue.Queue(), queue.Queue()
        runtime = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # an answer goes out in one piece, at once
            wbufsize, disable_nagle_algorithm = -1, True

            def do_GET(self):
                event = runtime.events.get()
                if event is None:
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "00000000-0000-4000-8000-000000000001")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 29_000))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:bench")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(event)))
                self.end_headers()
                self.wfile.write(event)
                self.wfile.flush()

            def do_POST(self):
                answer = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                runtime.answers.put((time.monotonic(), self.path, answer))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                self.wfile.flush()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        # a process is killed in the middle of its poll
        self.server.handle_error = lambda *_: None
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self.server.server_port}"

    def answer(self, expected):
        """When the answer came, which says what is expected."""
        try:
            ended, path, answer = self.answers.get(timeout=PATIENCE)
        except queue.Empty:
            raise Missed(f"no answer in {PATIENCE} s") from None
        if not path.endswith("/response") or expected not in answer:
            raise Missed(f"{path}: {answer[:300]}")
        return ended

    def invoke(self, event, expected):
        """Seconds until the answer."""
        began = time.monotonic()
        self.events.put(event)
        return self.answer(expected) - began

    def end(self):
        self.events.put(None)
        self.server.shutdown()


class Figures(NamedTuple):
    size: float  # MB
    start: float  # ms to the first answer
    warm: float  # ms
    memory: float  # MiB, the most
    soonest: float  # ms to the first answer, of the start that took least
    cpu: float  # ms of the processor from the start to the end after the first answer
    warm_cpu: float  # ms of the processor for an answer of a warm process


class Binary:
    """A function's binary, or what else runs as one, an event for it, and a text of the right answer."""

    def __init__(self, name, event, expected, command=None, **variables):
        self.command, self.event, self.expected = command or [RELEASE / name], event, expected
        self.starts, self.cpu, self.warm, self.memory, self.warm_cpu = [], [], [], 0, 0
        self.variables = variables

    def start(self, environment, last):
        """Starts a process for its first answer, and the last time for many more."""
        runtime = Runtime()
        began = time.monotonic()
        variables = environment | self.variables | {"AWS_LAMBDA_RUNTIME_API": runtime.address}
        process = subprocess.Popen(self.command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            runtime.events.put(self.event)
            self.starts.append(runtime.answer(self.expected) - began)
            if last:
                before = cpu(process.pid)
                self.warm = [runtime.invoke(self.event, self.expected) for _ in range(WARM)]
                self.warm_cpu = (cpu(process.pid) - before) / WARM
                self.memory = peak(process.pid)
        finally:
            before = children_cpu()
            process.kill()
            # the children's time is that of those that were waited for
            process.wait()
            if not last:
                self.cpu.append(children_cpu() - before)
            runtime.end()

    def figures(self):
        start, warm, whole = (statistics.median(seconds) * 1e3 for seconds in (self.starts, self.warm, self.cpu))
        size = pathlib.Path(self.command[0]).stat().st_size / 1e6
        return Figures(size, start, warm, self.memory, min(self.starts) * 1e3, whole, self.warm_cpu * 1e3)


def event(key, method, resource, path, body=None):
    headers = {"Host": "api.test", "Authorization": f"Api-Key {key}", "Content-Type": "application/json"}
    return json.dumps({
        "resource": resource, "path": path, "httpMethod": method, "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None, "multiValueQueryStringParameters": None, "pathParameters": None, "stageVariables": None,
        "requestContext": {"resourcePath": resource, "httpMethod": method, "path": "/prod" + path, "stage": "prod",
                           "accountId": "0", "apiId": "bench", "requestId": "r", "identity": {"sourceIp": "127.0.0.1"}},
        "body": body, "isBase64Encoded": False,
    }).encode()


def environment(place):
    return {
        "PATH": os.environ["PATH"], "OUTSCOUT_MAIN_TABLE": "main", "OUTSCOUT_HOT_TABLE": "hot", "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": place["access_key_id"], "AWS_SECRET_ACCESS_KEY": place["secret_access_key"],
        # counting a million requests in one window is not what a key does
        "OUTSCOUT_OUTSET_LIMIT_FREE": "0", "OUTSCOUT_OUTSET_LIMIT_PRO": "0",
        "OUTSCOUT_OUTSET_LIMIT_ANONYMOUS": "0", "AWS_ENDPOINT_URL_DYNAMODB": place["url"],
        "AWS_LAMBDA_FUNCTION_NAME": "bench", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "OUTSCOUT_LOG": "off",
    }


def measure(rows, data, key, one, wanted=None):
    """The figures of the binaries, or of the wanted ones, by name, over the store of a stopped server: hello comes first. Their starts
    take turns, so that a busy moment meets all of them."""
    detail = "/v1/studies/{id}"
    binaries = {
        "bench-hello": (event("x", "GET", "/", "/"), b"hello"),
        "outset-fallback": (event("x", "GET", "/{proxy+}", "/nope"), b"404"),
        "outset-schema-retrieve": (event("x", "GET", "/v1/schema", "/v1/schema/"), b"openapi"),
        "outset-studies-retrieve": (event(key, "GET", detail, one), b'"statusCode":200'),
        "outset-studies-list": (event(key, "GET", "/v1/studies", "/v1/studies/"), b'"statusCode":200'),
        "outset-studies-update": (event(key, "PATCH", detail, one, "{}"), b'"statusCode":200'),
    }
    binaries = {name: Binary(name, *sample) for name, sample in binaries.items() if wanted is None or name in wanted}
    with Store(data) as store:
        return take_turns(rows, binaries, environment(store.place))


def take_turns(rows, binaries, environment):
    """The figures of binaries by name, whose starts take turns."""
    for number in range(STARTS):
        for name, binary in list(binaries.items()):
            rows.attempt(name, binary.start, environment, number == STARTS - 1)
            if name in rows.missed:
                del binaries[name]
    return {name: binary.figures() for name, binary in binaries.items()}
