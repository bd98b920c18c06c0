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

    def invoke(self, event):
        """Seconds until the answer."""
        began = time.monotonic()
        self.events.put(event)
        ended, path, answer = self.answers.get(timeout=30)
        assert path.endswith("/response"), (path, answer)
        return ended - began, answer


def figures(binary, event, environment, expected):
    starts, warm, memory = [], [], 0
    for _ in range(STARTS):
        runtime = Runtime()
        began = time.monotonic()
        process = subprocess.Popen([binary], env=environment | {"AWS_LAMBDA_RUNTIME_API": runtime.address},
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        runtime.events.put(event)
        ended, path, answer = runtime.answers.get(timeout=30)
        assert path.endswith("/response") and expected in answer, (path, answer[:300])
        starts.append(ended - began)
        if len(starts) == STARTS:
            warm = [runtime.invoke(event)[0] for _ in range(WARM)]
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            memory = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024
        process.kill()
        process.wait()
        runtime.events.put(None)
        runtime.server.shutdown()
    return binary.stat().st_size / 1e6, statistics.median(starts) * 1e3, statistics.median(warm) * 1e3, memory


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


def measure(release, outscout, one, work):
    """Prints the binaries' figures over the store of a stopped server."""
    store = subprocess.Popen([release / "outscout", "store", "--port", "0", "--data", outscout.data], stderr=subprocess.DEVNULL)
    try:
        time.sleep(1)
        place = json.loads((outscout.data / "endpoint").read_text())
        environment = {
            "PATH": os.environ["PATH"], "OUTSCOUT_MAIN_TABLE": "main", "OUTSCOUT_HOT_TABLE": "hot", "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": place["access_key_id"], "AWS_SECRET_ACCESS_KEY": place["secret_access_key"],
            "OUTSCOUT_OUTSET_LIMIT_FREE": "1000000",
            "OUTSCOUT_OUTSET_LIMIT_ANONYMOUS": "0", "AWS_ENDPOINT_URL_DYNAMODB": place["url"],
            "AWS_LAMBDA_FUNCTION_NAME": "bench", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "OUTSCOUT_LOG": "off",
        }
        # counting a million requests in one window is not what a key does
        environment["OUTSCOUT_OUTSET_LIMIT_FREE"] = environment["OUTSCOUT_OUTSET_LIMIT_PRO"] = "0"
        detail = "/v1/studies/{id}"
        rows = [
            ("bench-hello", event("x", "GET", "/", "/"), b"hello"),
            ("outset-fallback", event("x", "GET", "/{proxy+}", "/nope"), b"404"),
            ("outset-schema-retrieve", event("x", "GET", "/v1/schema", "/v1/schema/"), b"openapi"),
            ("outset-studies-retrieve", event(outscout.key, "GET", detail, one), b'"statusCode":200'),
            ("outset-studies-list", event(outscout.key, "GET", "/v1/studies", "/v1/studies/"), b'"statusCode":200'),
            ("outset-studies-update", event(outscout.key, "PATCH", detail, one, "{}"), b'"statusCode":200'),
        ]
        print(f"{'':26}{'size MB':>10}{'start ms':>10}{'warm ms':>10}{'peak MB':>10}   ratios to hello (store calls included)")
        hello = None
        for name, sample, expected in rows:
            found = figures(release / name, sample, environment, expected)
            hello = hello or found
            ratios = "  ".join(f"{ours / theirs:.2f}" for ours, theirs in zip(found, hello))
            print(f"{name:26}" + "".join(f"{figure:10.2f}" for figure in found) + f"   {ratios}")
    finally:
        store.terminate()
        store.wait()
