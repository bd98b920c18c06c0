"""A person's way through the accounts of Outsend with the standard library's own client and cookie jar; each answer
is held against the golden document."""
import argparse
import http.cookiejar
import json
import re
import sys
import time
import urllib.error
import urllib.request

import golden

DOCUMENT = golden.Document("outsend")


class Client:
    """One browser: its cookies are kept and sent by the rules of the standard library."""

    def __init__(self, base, **headers):
        self.base, self.headers = base, headers
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def call(self, method, path, expected, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json", "Content-Type": "application/json", **self.headers}
        request = urllib.request.Request(self.base + path, data, headers, method=method)
        try:
            answer = self.opener.open(request)
        except urllib.error.HTTPError as error:
            answer = error
        text = answer.read().decode()
        assert answer.status == expected, f"{method} {path}: {answer.status} {text}"
        fault = DOCUMENT.fault(method, "/api" + path, answer.status, answer.headers["Content-Type"], text)
        assert fault is None, f"{method} {path}: {fault}"
        return json.loads(text)


def mails(control, count):
    """The mails, once there are as many."""
    for _ in range(300):
        with urllib.request.urlopen(control + "/_local/mail") as answer:
            found = json.load(answer)
        if len(found) >= count:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{len(found)} mails, not {count}")


def mail_to(control, address):
    """The first mail to an address, once there is one."""
    for _ in range(300):
        with urllib.request.urlopen(control + "/_local/mail") as answer:
            found = [mail for mail in json.load(answer) if address in mail["to"]]
        if found:
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"no mail to {address}")


def token(mail):
    return re.search(r"\?token=([A-Za-z0-9_-]{43})", mail["text"])[1]


def journey(base, control):
    me, password = "dana@example.com", "correct horse 1"
    browser = Client(base)
    browser.call("GET", "/auth/me", 401)
    browser.call("POST", "/auth/signup", 422, {"email": me})
    browser.call("POST", "/auth/signup", 200, {"email": me, "password": password, "accept_responsibility": True})
    assert [cookie.name for cookie in browser.jar] == ["outsend_session"]
    assert browser.call("GET", "/auth/me", 200)["user"]["email_verified"] is False
    browser.call("POST", "/auth/verify-email", 200, {"token": token(mails(control, 1)[0])})
    browser.call("POST", "/auth/verify-email", 400, {"token": token(mails(control, 1)[0])})
    assert browser.call("GET", "/auth/me", 200)["user"]["email_verified"] is True
    browser.call("POST", "/auth/resend-verification", 400)

    key = browser.call("POST", "/api-keys", 200, {"name": "CI", "scopes": ["read"], "expires_in_days": 30})
    robot = Client(base, **{"X-API-Key": key["key"]})
    robot.call("GET", "/auth/me", 200)
    robot.call("POST", "/api-keys", 403, {"name": "more"})
    assert [known["id"] for known in browser.call("GET", "/api-keys", 200)["api_keys"]] == [key["id"]]
    browser.call("GET", "/auth/export", 200)
    browser.call("DELETE", f"/api-keys/{key['id']}", 200)
    browser.call("DELETE", f"/api-keys/{key['id']}", 404)
    robot.call("GET", "/auth/me", 401)

    change = {"current_password": password, "new_password": "correct horse 2"}
    browser.call("POST", "/auth/password/change", 200, change)
    browser.call("POST", "/auth/password/change", 400, change)
    browser.call("POST", "/auth/logout", 200)
    assert not list(browser.jar), "the cookie is gone"
    browser.call("POST", "/auth/login", 401, {"email": me, "password": password})
    browser.call("POST", "/auth/login", 200, {"email": me, "password": "correct horse 2"})
    browser.call("POST", "/auth/password/reset-request", 200, {"email": me})
    reset = {"token": token(mails(control, 3)[2]), "new_password": "correct horse 3"}
    browser.call("POST", "/auth/password/reset", 200, reset)
    browser.call("POST", "/auth/password/reset", 400, reset)
    browser.call("GET", "/auth/me", 401)
    browser.call("POST", "/auth/login", 200, {"email": me, "password": "correct horse 3"})
    browser.call("DELETE", "/auth/account", 400, {"password": password})
    browser.call("DELETE", "/auth/account", 200, {"password": "correct horse 3"})
    assert not list(browser.jar), "the cookie is gone"
    browser.call("POST", "/auth/login", 401, {"email": me, "password": "correct horse 3"})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--outsend", required=True)
    parser.add_argument("--control", required=True)
    options = parser.parse_args()
    journey(options.outsend, options.control)
    print("outsend: from sign-up to deletion, every answer as documented")
    sys.exit(0)
