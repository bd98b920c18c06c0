"""Events of an account at a receiver that is not ours: each is verified with the Standard Webhooks library and, in
Outsend's own way, with the standard library; each answer is held against the golden document."""
import argparse
import datetime
import hashlib
import hmac
import http.server
import json
import sys
import threading
import time

import requests
import standardwebhooks

import outsend

SECRET = "9f2c4e6a8b0d1f3e5a7c9e1b3d5f7a9c0e2a4c6e8f1b3d5f7a9c1e3b5d7f9a0c"


class Receiver(http.server.BaseHTTPRequestHandler):
    received = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Receiver.received.append((dict(self.headers.items()), body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def follow_clock(control):
    """Lets the library judge times by the server's clock, which others have moved."""
    answer = requests.post(control + "/_local/clock", json={"advance_seconds": 0}, timeout=30)
    offset = datetime.timedelta(seconds=answer.json()["offset_seconds"])

    class Moved(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.datetime.now(tz) + offset

    standardwebhooks.webhooks.datetime = Moved


def verified(count):
    """What arrived, once there is as much."""
    for _ in range(300):
        if len(Receiver.received) >= count:
            break
        time.sleep(0.1)
    assert len(Receiver.received) == count, Receiver.received
    events = []
    for headers, body in Receiver.received:
        low = {name.lower(): value for name, value in headers.items()}
        # the key is the secret's text, as bytes
        event = standardwebhooks.Webhook(SECRET.encode()).verify(body, low)
        own = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(low["x-outsend-signature"], own)
        assert (low["x-outsend-event"], low["webhook-id"]) == (event["event"], event["id"])
        assert low["content-type"] == "application/json" and low["user-agent"] == "outscout-webhooks/1", low
        events.append(event)
    return events


def journey(base, control):
    follow_clock(control)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    person = outsend.Client(base)
    body = {"email": "webhooks@example.com", "password": "correct horse 1", "accept_responsibility": True}
    person.call("POST", "/auth/signup", 200, body)
    mail = outsend.mail_to(control, body["email"])
    person.call("POST", "/auth/verify-email", 200, {"token": outsend.token(mail)})
    key = person.call("POST", "/api-keys", 200, {"name": "webhooks"})["key"]
    robot = outsend.Client(base, **{"X-API-Key": key})
    url = f"http://127.0.0.1:{server.server_port}/in"
    for refused in ("http://example.com/", "https://localhost/", "https://10.0.0.1/", "https://[::1]/"):
        robot.call("POST", "/webhooks", 400, {"url": refused, "events": ["job.completed"]})
    robot.call("POST", "/webhooks", 422, {"url": url, "events": ["nonsense"]})
    made = robot.call("POST", "/webhooks", 200, {"url": url, "events": ["job.completed", "job.cancelled"], "secret": SECRET})
    assert (made["url"], made["secret"]) == (url, SECRET), made
    tested = robot.call("POST", f"/webhooks/{made['id']}/test", 200, {})
    assert tested["ok"] and tested["delivery"]["status"] == "delivered", tested
    assert verified(1)[0]["data"] == {"webhook_id": made["id"]}
    job = robot.call("POST", "/jobs/verify-emails", 200, {"items": [{"email": "a@mailinator.com"}]})
    event = verified(2)[1]
    assert (event["event"], event["data"]) == ("job.completed", robot.call("GET", f"/jobs/{job['id']}", 200)), event
    feed = robot.call("GET", "/events", 200)
    assert feed["events"] == [event] and feed["next"] == event["id"] and not feed["has_more"], feed
    assert robot.call("GET", f"/events?after={event['id']}", 200)["events"] == []
    log = robot.call("GET", f"/webhooks/{made['id']}/deliveries?limit=1", 200)
    assert log["total"] == 2 and log["deliveries"][0]["event_id"] == event["id"], log
    assert SECRET not in json.dumps([robot.call("GET", "/webhooks", 200), person.call("GET", "/auth/export", 200)])
    robot.call("DELETE", f"/webhooks/{made['id']}", 200)
    robot.call("GET", f"/webhooks/{made['id']}/deliveries", 404)
    person.call("DELETE", "/auth/account", 200, {"password": "correct horse 1"})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--outsend", required=True)
    parser.add_argument("--control", required=True)
    options = parser.parse_args()
    journey(options.outsend, options.control)
    print("outsend: events at a receiver that verifies them with libraries that are not ours")
    sys.exit(0)
