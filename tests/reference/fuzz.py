"""Requests that nobody would think of: schemathesis makes them from the golden documents, and every answer must be one
that the document has. Nothing may be a server error."""
import argparse
import json
import pathlib
import subprocess
import sys
import threading
import urllib.request

DOCUMENTS = pathlib.Path(__file__).resolve().parents[2] / "openapi"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# what would end the credential that the requests are made with
ENDING = {
    "outsend": ["/api/auth/logout", "/api/auth/account"],
    "openscouter": ["/api/auth/sign-out", "/api/me/erasure"],
}


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    return urllib.request.urlopen(request, timeout=30)


def outsend(base):
    body = {"email": "fuzz@example.com", "password": "correct horse 1", "accept_responsibility": True}
    with post(base + "/auth/signup", body) as answer:
        return "Cookie: " + answer.headers["Set-Cookie"].split(";")[0]


def openscouter(base, outscout, data):
    command = [outscout, "admin", "create", "--email", "fuzz@openscouter.example", "--json", "--data", data]
    made = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    with post(base + "/auth/sign-in", {"email": made["email"], "password": made["password"]}) as answer:
        return "Authorization: Bearer " + json.load(answer)["data"]["accessToken"]


def fuzz(api, base, credential, control, step):
    """Runs schemathesis while the clock runs ahead, so that the rate windows pass."""
    over = threading.Event()

    def hurry():
        while not over.wait(0.25):
            post(control + "/_local/clock", {"advance_seconds": step}).close()

    clock = threading.Thread(target=hurry)
    clock.start()
    command = [pathlib.Path(sys.executable).parent / "schemathesis", "run", DOCUMENTS / f"{api}.json",
               "--url", base.removesuffix("/api"), "-H", credential, "--checks", CHECKS,
               "--phases", "examples,coverage,fuzzing", "-n", "10", "--seed", "1"]
    for path in ENDING[api]:
        command += ["--exclude-path", path]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    finally:
        over.set()
        clock.join()
    lines = [line.strip() for line in done.stdout.splitlines()]
    if done.returncode != 0:
        print(done.stdout[-20_000:], done.stderr[-2_000:])
        sys.exit(f"{api}: an answer that its document does not have")
    print(f"{api}:", next(line for line in lines if " generated, " in line))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("outsend", "openscouter", "control", "outscout", "data"):
        parser.add_argument("--" + name, required=True)
    options = parser.parse_args()
    # windows of a minute; of an hour
    fuzz("openscouter", options.openscouter, openscouter(options.openscouter, options.outscout, options.data),
         options.control, 31)
    fuzz("outsend", options.outsend, outsend(options.outsend), options.control, 1801)
