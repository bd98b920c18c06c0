"""From a study to a report, over HTTP with clients that are not ours: requests, and html5lib as the strict reader of a
report's page. Each answer is held against the golden document, and the study is seen through Outset at each step."""
import argparse
import datetime
import json
import subprocess
import sys
import time
import urllib.parse
import uuid

import html5lib
import requests

from openscouter import PASSWORD, World, bearer

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
EMOTIONS = ["frustrated", "angry", "confused"]


def inside(wire):
    """The id behind a wire id."""
    number = 0
    for character in wire.rpartition("_")[2]:
        number = number * 32 + ALPHABET.index(character)
    return str(uuid.UUID(int=number))


class Research:
    def __init__(self, world, outset):
        self.world, self.outset = world, outset
        self.owner = self.person("business", "olive@openscouter.example")
        self.admin = self.operator("ada@openscouter.example")
        me = self.owner["user"]
        made = self.command("key", "create", "--org", inside(me["organization"]["organizationId"]))
        self.key = made["key"]

    def command(self, *arguments):
        done = subprocess.run([self.world.outscout, *arguments, "--json", "--data", self.world.data],
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def person(self, role, email):
        body = {"role": role, "email": email, "password": PASSWORD, "fullName": "Olive Roe", "companyName": "Roe Ltd"}
        self.world.call("POST", "/api/auth/sign-up", 202, body)
        link = {"token": self.world.mail(email, "Confirm your e-mail address")}
        self.world.call("POST", "/api/auth/verify-email", 200, link)
        return self.world.sign_in(email)

    def operator(self, email):
        made = self.command("admin", "create", "--email", email, "--name", "Ada")
        return self.world.sign_in(email, made["password"])

    def through_outset(self, job):
        """Name and `active` of the study as Outset shows it."""
        answer = requests.get(f"{self.outset}/studies/{inside(job)}/", headers={"Authorization": f"Api-Key {self.key}"}, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["name"], answer.json()["active"]

    def tester(self, email):
        session = self.person("tester", email)
        quiz = self.world.data_of("GET", "/api/testers/quiz", 200, credential=bearer(session))
        assert "correctOptionId" not in json.dumps(quiz)
        answers = [{"questionId": "q_001", "optionId": "a"}]
        body = {"quizId": quiz["quizId"], "answers": answers}
        assert self.world.data_of("POST", "/api/testers/quiz/attempts", 201, body, credential=bearer(session))["passed"]
        body = {"kind": "testing", "version": "v1.1"}
        self.world.call("POST", "/api/me/consents", 201, body, credential=bearer(session))
        return session

    def until(self, path, credential, ready):
        for _ in range(300):
            found = self.world.data_of("GET", path, 200, credential=credential)
            if ready(found):
                return found
            time.sleep(0.1)
        raise AssertionError(f"{path}: {found}")

    def wait(self):
        """Over the limits' window."""
        self.world.advance(61)


def moment(start, seconds):
    at = start + datetime.timedelta(seconds=seconds)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def signals(session, start, task):
    """Planted: seven angry clicks, a hesitation, an error burst, a drop; a face and a voice that agree with the clicks."""
    def event(kind, selector, seconds, number, **more):
        return {"eventType": kind, "targetSelector": selector, "timestamp": moment(start, seconds), "eventId": f"e{number}", **more}

    events = [event("navigation", "body", 0, 0, url="https://prototype.example/pay?card=4111#x"),
              event("focus", "#card", 10, 1, taskId=task), event("input", "#card", 19.5, 2, taskId=task, inputLength=4, value="4111")]
    events += [event("click", "#pay", 30 + n * 0.15, 10 + n, taskId=task) for n in range(7)]
    events += [event("scroll", "main", 33 + 2 * n, 100 + n) for n in range(20)]
    events += [event("error", "form", 75 + n, 200 + n) for n in range(3)]
    events += [event("blur", "body", 80, 300), event("focus", "body", 120, 301)]
    facial = [{"timestamp": moment(start, 30 + n), "emotion": EMOTIONS[n % 3], "confidence": 0.9, "snapshotId": f"f{n}"} for n in range(4)]
    voice = [{"timestamp": moment(start, 31), "endedAt": moment(start, 33), "transcript": "I give up on this button", "segmentId": "v1"}]
    return {"events": events, "facial": facial, "voice": voice}


def one_session(research, job, person, task):
    """A session from its start to the tester's confirmation; its id."""
    world = research.world
    tester, owner, admin = bearer(person), bearer(research.owner), bearer(research.admin)
    body = {"jobId": job, "testerId": person["user"]["userId"]}
    begun = world.data_of("POST", "/api/sessions", 201, body, credential=admin)
    session = begun["sessionId"]
    world.refused("POST", "/api/sessions", 422, "testerId: tester already has a session for this study", body, credential=admin)
    start = datetime.datetime.fromisoformat(begun["createdAt"].replace("Z", "+00:00"))
    research.world.advance(150)
    for stream, batch in signals(session, start, task).items():
        body = {"sessionId": session, "batch": batch}
        sent = world.data_of("POST", f"/api/data/{stream}", 200, body, credential=tester)
        assert (sent["accepted"], sent["rejected"], sent["duplicates"]) == (len(batch), 0, 0), sent
        again = world.data_of("POST", f"/api/data/{stream}", 200, body, credential=tester)
        assert (again["accepted"], again["duplicates"]) == (len(batch), len(batch)), again
    path = f"/api/sessions/{session}"
    world.call("POST", "/api/ai", 202, {"sessionId": session}, credential=tester)
    seen = research.until(path, tester, lambda found: found["analysis"]["status"] == "complete")
    found = {found["type"] for found in seen["analysis"]["insights"]["criticalMoments"]}
    assert {"rage_click", "hesitation_cluster", "error_burst", "confusion"} <= found, found
    assert world.data_of("GET", path, 200, credential=owner)["analysis"]["insights"] is None
    world.call("POST", path + "/pause", 200, credential=tester)
    world.call("POST", path + "/resume", 200, credential=tester)
    world.call("POST", path + "/complete", 200, {"completedAt": moment(start, 140)}, credential=tester)
    world.call("POST", path + "/analyze", 202, credential=owner)
    research.until(path, owner, lambda found: found["status"] == "analyzed")
    world.refused("GET", path + "/notes", 422, "Session notes are not confirmed", credential=owner)
    notes = world.data_of("GET", path + "/notes", 200, credential=tester)["notes"]
    kept = [{"noteId": note["noteId"], "text": note["text"]} for note in notes if note["type"] != "attention_drop"]
    world.call("PUT", path + "/notes", 200, {"notes": [*kept, {"text": "<b>Nothing</b> happened."}]}, credential=tester)
    world.refused("POST", "/api/reports", 422, "Session notes are not confirmed", {"sessionId": session}, credential=owner)
    confirmed = world.data_of("POST", path + "/confirm", 200, credential=tester)
    assert confirmed == world.data_of("POST", path + "/confirm", 200, credential=tester)
    return session


def page_of(report):
    """A report's page, read by a parser that forgives nothing."""
    answer = requests.get(report["pageUrl"], timeout=30)
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "text/html; charset=utf-8"
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(answer.text)
    assert not list(tree.iter("script")) and not list(tree.iter("b")), "what people wrote is text"
    assert any(element.tag.endswith("svg") for element in tree.iter() if isinstance(element.tag, str))
    return answer.text


def walk(research):
    world = research.world
    owner, admin = bearer(research.owner), bearer(research.admin)
    quiz = {"passingScore": 70, "questions": [{"text": "What is recorded?", "correctOptionId": "a", "points": 1, "options": [
        {"id": "a", "text": "What I consent to"}, {"id": "b", "text": "Everything"}]}]}
    world.call("POST", "/api/admin/quiz", 201, quiz, credential=admin)
    people = [research.tester(f"t{number}@openscouter.example") for number in range(2)]
    research.wait()
    study = {"title": "Checkout", "description": "Find barriers.", "prototypeUrl": "https://prototype.example", "prototypeType": "url",
             "tasks": [{"title": "Pay", "description": "Buy."}], "targeting": {"countries": ["FR"], "testerCount": 2},
             "abTest": {"variants": [{"label": "A"}, {"label": "B"}]}, "compensation": {"amount": 15, "currency": "EUR"}}
    made = world.data_of("POST", "/api/jobs", 201, study, credential=owner)
    job, task = made["jobId"], made["tasks"][0]["taskId"]
    assert research.through_outset(job) == ("Checkout", False)
    launched = world.data_of("POST", f"/api/jobs/{job}/launch", 200, credential=owner)
    assert launched["status"] == "open" and research.through_outset(job) == ("Checkout", True)
    # paused there, seen here, and the reverse
    headers = {"Authorization": f"Api-Key {research.key}"}
    paused = requests.patch(f"{research.outset}/studies/{inside(job)}/", json={"active": False}, headers=headers, timeout=30)
    assert paused.status_code == 200, paused.text
    shown = world.data_of("GET", f"/api/jobs/{job}", 200, credential=owner)
    assert shown["status"] == "paused" and shown["compensation"] == made["compensation"]
    assert world.data_of("PATCH", f"/api/jobs/{job}", 200, {"status": "open"}, credential=owner)["status"] == "open"
    assert research.through_outset(job) == ("Checkout", True)
    world.call("POST", "/api/admin/approvals", 201, {"jobId": job}, credential=admin)
    sessions = []
    for number, person in enumerate(people):
        sessions.append(one_session(research, job, person, task))
        shown = world.data_of("GET", f"/api/jobs/{job}", 200, credential=owner)
        assert shown["progress"] == {"sessions": number + 1, "completed": number + 1, "confirmed": number + 1}, shown
        research.wait()
    assert shown["status"] == "completed" and research.through_outset(job) == ("Checkout", False)
    listed = world.call("GET", f"/api/sessions?jobId={job}&status=confirmed", 200, credential=owner)
    assert listed["metadata"]["total"] == 2
    assert sorted(row["variant"] for row in listed["data"]) == ["A", "B"]
    reports = []
    for session in sessions:
        asked = world.data_of("POST", "/api/reports", 202, {"sessionId": session}, credential=owner)
        path = f"/api/reports/{asked['reportId']}"
        report = research.until(path, owner, lambda found: found["status"] == "complete")
        assert report["findings"][0]["type"] == "rage_click" and report["testerComments"] == ["<b>Nothing</b> happened."]
        assert "Pay - #pay" in page_of(report)
        reports.append(report)
    scores = {(report["accessibilityScore"], report["overallFrustrationScore"]) for report in reports}
    assert len(scores) == 1, f"the same signals, the same numbers: {scores}"
    asked = world.data_of("POST", f"/api/reports/job/{job}", 202, credential=owner)
    report = research.until(f"/api/reports/job/{job}", owner, lambda found: found["status"] == "complete")
    assert report["reportId"] == asked["reportId"] and report["testerCount"] == 2
    assert all(finding["affectedTesters"] == 2 and finding["severity"] == "critical" for finding in report["findings"])
    page_of(report)
    shown = world.data_of("GET", f"/api/jobs/{job}", 200, credential=owner)
    assert shown["accessibilityScore"] == report["accessibilityScore"]
    # a business reads of nobody, by any path
    for path in (f"/api/jobs/{job}", f"/api/reports/job/{job}", "/api/sessions", *(f"/api/sessions/{session}" for session in sessions),
                 *(f"/api/sessions/{session}/notes" for session in sessions), *(f"/api/reports/{report['reportId']}" for report in reports)):
        text = json.dumps(world.call("GET", path, 200, credential=owner))
        for secret in ("openscouter.example", "Olive", "give up", "4111", *EMOTIONS):
            assert secret not in text.replace(urllib.parse.quote(secret), ""), f"{secret} in {path}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("openscouter", "outset", "control", "outscout", "data"):
        parser.add_argument("--" + name, required=True)
    options = parser.parse_args()
    walk(Research(World(options.openscouter, options.control, options.outscout, options.data), options.outset))
    print("research: from a study to a report, seen through Outset, every answer as documented")
    sys.exit(0)
