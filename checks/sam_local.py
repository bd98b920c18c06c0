"""Walks through the APIs that `sam local start-api` serves: the published operations of Outset over its checklist's fixture
(outset 16), a sign-up at Outsend with a job, a sign-in at OpenScouter with a study; then each function gets its sample event.
What a gateway would answer by itself is not asked: `sam local` knows no gateway responses. checks/sam-local starts what this
asks."""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import time

import requests

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "tests/reference"))
import fixture  # noqa: E402
import project  # noqa: E402

STUDY = "0b5e7c1a-4d2f-4e8c-9a6b-0000000000"
PASSWORD = "correct horse 1"
# the first answer of a function waits for its container
PATIENCE = 60


class Api:
    """One API behind `sam local`, as one client sees it."""

    def __init__(self, base):
        self.base, self.session, self.times = base, requests.Session(), []

    def call(self, method, path, status, body=None, raw=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            raw, headers = json.dumps(body), {"Content-Type": "application/json", **headers}
        began = time.monotonic()
        answer = self.session.request(method, self.base + path, data=raw, headers=headers, allow_redirects=False,
                                      timeout=PATIENCE)
        self.times.append(time.monotonic() - began)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code}, not {status}: {answer.text}"
        return answer

    def told(self, name):
        cold, warm = max(self.times), sorted(self.times)[len(self.times) // 2]
        print(f"{name}: {len(self.times)} requests, the longest {cold:.2f} s, half of them below {warm * 1000:.0f} ms")


def wait_for(what, seconds=PATIENCE):
    for _ in range(seconds * 2):
        found = what()
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError("nothing came")


def command(options, *arguments):
    done = subprocess.run([options.command, *arguments, "--data", options.data, "--json"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def token(options, address, path):
    """What a mail's link carries."""
    def found():
        mails = requests.get(f"{options.control}/_local/mail", timeout=PATIENCE).json()
        links = [re.search(path + r"\?token=([A-Za-z0-9_-]{43})", mail["text"]) for mail in mails if address in mail["to"]]
        return next((link[1] for link in links if link), None)
    return wait_for(found)


def lists(api, key):
    denied = api.call("GET", "/v1/studies/", 401)
    assert denied.json()["errors"][0]["code"] == "not_authenticated" and "Allow" in denied.headers
    first = api.call("GET", "/v1/studies/?page=1&page_size=1", 200, **key).json()
    assert (first["count"], first["previous"], first["results"][0]["name"]) == (25, None, "Study 24"), first
    assert first["next"].endswith("/v1/studies/?page=2&page_size=1"), first
    tenth = api.call("GET", "/v1/studies/?page=2&page_size=10", 200, **key).json()
    assert [study["name"] for study in tenth["results"]] == [f"Study {number:02}" for number in range(14, 4, -1)]
    assert api.call("GET", "/v1/studies/?page=99", 404, **key).json()["errors"][0]["detail"] == "Invalid page."
    refused = api.call("POST", "/v1/studies/", 405, {}, **key)
    assert refused.headers["Allow"] == "GET, HEAD, OPTIONS", refused.headers
    assert api.call("GET", "/v1/nope/", 404).json()["errors"][0]["code"] == "not_found"
    assert api.call("GET", "/v1/schema/", 200).text.startswith("openapi: 3.0.3")


def one_study(api, key):
    path = f"/v1/studies/{STUDY}01/"
    study = api.call("GET", path, 200, **key)
    assert (study.json()["name"], study.json()["active"], study.json()["status"]) == ("Study 01", False, "paused")
    assert api.call("HEAD", path, 200, **key).text == ""
    assert api.call("OPTIONS", path, 200, **key).json()["parses"] == ["application/json"]
    assert api.call("PUT", path, 405, {}, **key).headers["Allow"] == "GET, PATCH, HEAD, OPTIONS"
    moved = api.call("GET", path.removesuffix("/") + "?a=1", 301)
    assert moved.headers["Location"] == path + "?a=1"
    both = {"active": True, "completion_url": "https://yourapp.com/complete"}
    patched = api.call("PATCH", path, 200, both, **key).json()
    assert {**patched, **both} == patched and patched["status"] == "open"
    wrong = api.call("PATCH", path, 400, {"completion_url": "nope", "active": "maybe"}, **key).json()
    assert [error["field"] for error in wrong["errors"]] == ["active", "completion_url"]
    api.call("PATCH", path, 415, raw="{}", Content_Type="text/plain", **key)
    tag = api.call("GET", path, 200, **key).headers["ETag"]
    api.call("GET", path, 304, If_None_Match=tag, **key)


def participant(api, key):
    api.call("PATCH", f"/v1/studies/{STUDY}02/", 200, {"completion_url": "https://p.com/c?pid={pid}"}, **key)
    start = f"/interviews/public-surveys/{STUDY}02/start/?pid=a%20b&outset_survey_uid=u1"
    began = api.call("GET", start, 302).headers["Location"]
    session = re.fullmatch(r"https://proto\.test/app\?v=2&outset_session=(.+)", began)[1]
    for _ in range(2):
        assert api.call("GET", f"/interviews/{session}/complete/", 302).headers["Location"] == "https://p.com/c?pid=a%20b"
    api.call("GET", start, 409)
    api.call("GET", f"/interviews/public-surveys/{STUDY}23/start/", 410)


def outset(options):
    api = Api(options.outset)
    organization = command(options, "org", "create", "--name", "Acme")["id"]
    studies = pathlib.Path(options.data) / "studies.json"
    studies.write_text(json.dumps(list(fixture.studies())))
    command(options, "study", "import", str(studies), "--org", organization)
    studies.unlink()
    key = {"Authorization": "Api-Key " + command(options, "key", "create", "--org", organization)["key"]}
    lists(api, key)
    one_study(api, key)
    participant(api, key)
    api.told("Outset")


def cookie(api, answer):
    """The session of an answer. A client's jar would not send it: it is for https alone."""
    api.session.cookies.clear()
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


def outsend(options):
    api, me = Api(options.outsend), "dana@example.com"
    api.call("GET", "/api/auth/me", 401)
    signed_up = {"email": me, "password": PASSWORD, "accept_responsibility": True}
    mine = cookie(api, api.call("POST", "/api/auth/signup", 200, signed_up))
    assert api.call("GET", "/api/auth/me", 200, **mine).json()["user"]["email_verified"] is False
    link = {"token": token(options, me, "/verify-email")}
    mine = cookie(api, api.call("POST", "/api/auth/verify-email", 200, link, **mine))
    assert api.call("GET", "/api/auth/me", 200, **mine).json()["user"]["email_verified"] is True
    api.call("PUT", "/api/auth/me", 405, {}, **mine)
    api.call("GET", "/api/nope", 404)
    # addresses that no name server is asked about
    rows = [{"email": "not@this@one", "nom": "a"}, {"email": "nor@this@one", "nom": "b"}]
    job = api.call("POST", "/api/jobs/verify-emails", 200, {"items": rows}, **mine).json()["id"]
    path = f"/api/jobs/{job}"
    ended = wait_for(lambda: (shown := api.call("GET", path, 200, **mine).json())["status"] == "done" and shown, 30)
    items = api.call("GET", path + "/items", 200, **mine).json()
    assert items["total"] == 2 and [item["nom"] for item in items["items"]] == ["a", "b"], items
    assert ended["id"] == job
    api.told("Outsend")


def openscouter(options):
    api, me = Api(options.openscouter), "olive@example.com"
    assert api.call("GET", "/api/auth/me", 401).json()["error"] == "Missing credentials"
    person = {"role": "business", "email": me, "password": PASSWORD, "fullName": "Olive Roe", "companyName": "Roe Ltd"}
    api.call("POST", "/api/auth/sign-up", 202, person)
    api.call("POST", "/api/auth/verify-email", 200, {"token": token(options, me, "")})
    signed_in = api.call("POST", "/api/auth/sign-in", 200, {"email": me, "password": PASSWORD}).json()["data"]
    mine = {"Authorization": "Bearer " + signed_in["accessToken"]}
    assert api.call("GET", "/api/auth/me", 200, **mine).json()["data"] == signed_in["user"]
    study = {"title": "Checkout", "description": "d", "prototypeUrl": "https://a.example", "prototypeType": "url",
             "tasks": [{"title": "t", "description": "d"}], "targeting": {"countries": ["FR"]}}
    made = api.call("POST", "/api/jobs", 201, study, **mine).json()["data"]
    path = f"/api/jobs/{made['jobId']}"
    assert api.call("GET", path, 200, **mine).json()["data"] == made
    assert api.call("GET", "/api/jobs", 200, **mine).json()["metadata"]["total"] == 1
    refused = api.call("PUT", path, 405, {}, **mine)
    assert "PATCH" in refused.headers["Allow"], refused.headers
    preflight = {"Origin": "https://app.openscouter.com", "Access-Control-Request-Method": "POST"}
    allowed = api.call("OPTIONS", "/api/jobs", 200, **preflight)
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://app.openscouter.com", allowed.headers
    api.call("GET", "/api/nope", 404, **mine)
    api.told("OpenScouter")


def samples(options):
    """Each function that has a binary answers its sample event, none with a fault; whoever sends it is nobody."""
    functions = {crate: name for api in project.APIS for crate, (name, _, _) in project.functions(api).items()}
    for name, resource in project.of_type(project.FUNCTION).items():
        functions[pathlib.PurePosixPath(resource["Properties"]["CodeUri"]).name] = name
    there = [crate for crate in sorted(functions) if (pathlib.Path(options.binaries) / crate / "bootstrap").exists()]
    began = time.monotonic()
    for crate in there:
        url = f"{options.lambda_}/2015-03-31/functions/{functions[crate]}/invocations"
        answer = requests.post(url, data=json.dumps(project.events()[crate]), timeout=PATIENCE)
        assert answer.status_code == 200 and "X-Amz-Function-Error" not in answer.headers, f"{crate}: {answer.text}"
        # a streamed answer begins with its head, too
        told, _ = json.JSONDecoder().raw_decode(answer.text)
        assert crate in project.background() or told["statusCode"] < 500, f"{crate}: {answer.text}"
    print(f"sample events: {len(there)} of {len(functions)} functions, {time.monotonic() - began:.0f} s")


def ready(base):
    def answers():
        try:
            return requests.get(base + "/nothing/here", timeout=PATIENCE) is not None
        except requests.ConnectionError:
            return False
    wait_for(answers)


def main():
    parser = argparse.ArgumentParser()
    for name in ("outset", "outsend", "openscouter", "ready", "command", "data", "binaries"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--lambda", dest="lambda_", required=True)
    options = parser.parse_args()
    options.control = json.loads(pathlib.Path(options.ready).read_text())["control"]
    for base in (options.outset, options.outsend, options.openscouter, options.lambda_):
        ready(base)
    outset(options)
    outsend(options)
    openscouter(options)
    samples(options)
    print("sam local serves all three APIs")


if __name__ == "__main__":
    main()
