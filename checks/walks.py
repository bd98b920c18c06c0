"""Walks through the three APIs of a running system, as clients take them: the published operations of Outset over its checklist's
fixture (outset 16), a sign-up at Outsend with a job, a sign-in at OpenScouter with a study. `checks/sam-local` and
`checks/deploy` take them, each with a `System` of its own."""
import json
import pathlib
import re
import subprocess
import sys
import time

import requests

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "tests/reference"))
import fixture  # noqa: E402

STUDY = "0b5e7c1a-4d2f-4e8c-9a6b-0000000000"
PASSWORD = "correct horse 1"
# the first answer of a function waits for its container or process
PATIENCE = 60


class Api:
    """One API, as one client sees it. `stage` is what stands before the paths in its own links."""

    def __init__(self, base, stage="", headers=None):
        self.base, self.stage, self.session, self.times = base, stage, requests.Session(), []
        self.session.headers.update(headers or {})

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

    def told(self):
        longest, half = max(self.times), sorted(self.times)[len(self.times) // 2]
        return f"{len(self.times)} requests, the longest {longest:.2f} s, half of them below {half * 1000:.0f} ms"


class System:
    """Where the walks go: the APIs by name, the command line over their store, the mails that were sent."""

    def __init__(self, apis, command, store, mails, folder, environment=None):
        """`store` are the command's arguments that name the store, `mails` returns (addresses, text) of each mail."""
        self.apis, self.store, self.mails = apis, store, mails
        self.program, self.folder, self.environment = command, pathlib.Path(folder), environment

    def command(self, *arguments):
        done = subprocess.run([self.program, *arguments, *self.store, "--json"], capture_output=True, text=True,
                              env=self.environment, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def token(self, address, path):
        """What a mail's link carries."""
        def found():
            links = [re.search(path + r"\?token=([A-Za-z0-9_-]{43})", text) for to, text in self.mails() if address in to]
            return next((link[1] for link in links if link), None)
        return wait_for(found)


def wait_for(what, seconds=PATIENCE):
    for _ in range(seconds * 2):
        found = what()
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError("nothing came")


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
    assert moved.headers["Location"] == api.stage + path + "?a=1", moved.headers
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


def outset(system):
    api = system.apis["outset"]
    organization = system.command("org", "create", "--name", "Acme")["id"]
    studies = system.folder / "studies.json"
    studies.write_text(json.dumps(list(fixture.studies())))
    system.command("study", "import", str(studies), "--org", organization)
    studies.unlink()
    key = {"Authorization": "Api-Key " + system.command("key", "create", "--org", organization)["key"]}
    lists(api, key)
    one_study(api, key)
    participant(api, key)
    return api.told()


def cookie(api, answer):
    """The session of an answer. A client's jar would not send it: it is for https alone."""
    api.session.cookies.clear()
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


def outsend(system):
    api, me = system.apis["outsend"], "dana@example.com"
    api.call("GET", "/api/auth/me", 401)
    signed_up = {"email": me, "password": PASSWORD, "accept_responsibility": True}
    mine = cookie(api, api.call("POST", "/api/auth/signup", 200, signed_up))
    assert api.call("GET", "/api/auth/me", 200, **mine).json()["user"]["email_verified"] is False
    link = {"token": system.token(me, "/verify-email")}
    mine = cookie(api, api.call("POST", "/api/auth/verify-email", 200, link, **mine))
    assert api.call("GET", "/api/auth/me", 200, **mine).json()["user"]["email_verified"] is True
    assert "DELETE" not in api.call("PUT", "/api/auth/me", 405, {}, **mine).headers["Allow"]
    api.call("OPTIONS", "/api/auth/me", 405, **mine)
    api.call("GET", "/api/nope", 404)
    # addresses that no name server is asked about
    rows = [{"email": "not@this@one", "nom": "a"}, {"email": "nor@this@one", "nom": "b"}]
    job = api.call("POST", "/api/jobs/verify-emails", 200, {"items": rows}, **mine).json()["id"]
    path = f"/api/jobs/{job}"
    ended = wait_for(lambda: (shown := api.call("GET", path, 200, **mine).json())["status"] == "done" and shown, 30)
    items = api.call("GET", path + "/items", 200, **mine).json()
    assert items["total"] == 2 and [item["nom"] for item in items["items"]] == ["a", "b"], items
    assert ended["id"] == job
    return api.told()


def openscouter(system):
    api, me = system.apis["openscouter"], "olive@example.com"
    assert api.call("GET", "/api/auth/me", 401).json()["error"] == "Missing credentials"
    person = {"role": "business", "email": me, "password": PASSWORD, "fullName": "Olive Roe", "companyName": "Roe Ltd"}
    api.call("POST", "/api/auth/sign-up", 202, person)
    api.call("POST", "/api/auth/verify-email", 200, {"token": system.token(me, "")})
    signed_in = api.call("POST", "/api/auth/sign-in", 200, {"email": me, "password": PASSWORD}).json()["data"]
    mine = {"Authorization": "Bearer " + signed_in["accessToken"]}
    assert api.call("GET", "/api/auth/me", 200, **mine).json()["data"] == signed_in["user"]
    study = {"title": "Checkout", "description": "d", "prototypeUrl": "https://a.example", "prototypeType": "url",
             "tasks": [{"title": "t", "description": "d"}], "targeting": {"countries": ["FR"]}, "compensation": {"amount": 15}}
    made = api.call("POST", "/api/jobs", 201, study, **mine).json()["data"]
    path = f"/api/jobs/{made['jobId']}"
    assert api.call("GET", path, 200, **mine).json()["data"] == made
    assert api.call("GET", "/api/jobs", 200, **mine).json()["metadata"]["total"] == 1
    launched = api.call("POST", path + "/launch", 200, {}, **mine).json()["data"]
    assert launched["status"] == "open", launched
    refused = api.call("PUT", path, 405, {}, **mine)
    assert "PATCH" in refused.headers["Allow"], refused.headers
    preflight = {"Origin": "https://app.openscouter.com", "Access-Control-Request-Method": "POST"}
    allowed = api.call("OPTIONS", "/api/jobs", 200, **preflight)
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://app.openscouter.com", allowed.headers
    api.call("GET", "/api/nope", 404, **mine)
    return api.told()
