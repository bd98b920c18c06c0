"""An application is allowed in a browser, wherever on this machine it waits for the answer: by name, in either family."""
import base64
import hashlib
import http.server
import secrets
import socket
import threading
import urllib.parse

import requests
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait


class Application(http.server.ThreadingHTTPServer):
    """A command line program of somebody's, which waits on a port of its own for the browser to come back."""

    def __init__(self, host):
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.came = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path.startswith("/callback"):
                    self.server.came.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<!DOCTYPE html><title>Back</title>Signed in: this window may be closed.")

            def log_message(self, *_):
                pass

        super().__init__((host, 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def consent(browser, later):
    base = browser.ready["openscouter"].removesuffix("/api")
    person = browser.ready["demo"]["openscouter"]["business"]
    find = lambda value: browser.driver.find_element(By.CSS_SELECTOR, f"button[value={value}]")
    for host, named in [("::1", "[::1]"), ("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "localhost")]:
        application = Application(host)
        # the port of a program on this machine is not known when it registers
        body = {"client_name": "A program", "redirect_uris": [f"http://{named}/callback"]}
        registered = requests.post(f"{base}/api/oauth/register", json=body, timeout=30)
        assert registered.status_code == 201, registered.text
        client = registered.json()["client_id"]
        redirect = f"http://{named}:{application.server_port}/callback"
        for decision in ["approve", "deny"]:
            verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(8)
            challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
            browser.driver.get(f"{base}/api/oauth/authorize?" + urllib.parse.urlencode({
                "response_type": "code", "client_id": client, "redirect_uri": redirect, "state": state, "resource": f"{base}/api",
                "code_challenge": challenge, "code_challenge_method": "S256"}))
            text = browser.look("en")
            assert "A program" in text and named in text, text
            browser.fill(email=person["email"], password="wrong password")
            browser.go(find("sign-in"), "en")
            assert browser.driver.find_element(By.NAME, "email").get_attribute("value") == person["email"], "what was typed is kept"
            browser.fill(password=person["password"])
            text = browser.go(find("sign-in"), "en")
            assert named in text, f"it says where it leads: {text}"
            find(decision).click()
            # a policy of the page that does not fit would keep the browser where it is
            WebDriverWait(browser.driver, 30).until(lambda driver: driver.current_url.startswith(redirect))
            came = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(application.came[-1]).query))
            assert came["state"] == state and len(application.came) == 1, application.came
            application.came.clear()
            if decision == "deny":
                assert came["error"] == "access_denied", came
                continue
            tokens = requests.post(f"{base}/api/oauth/token", timeout=30, data={
                "grant_type": "authorization_code", "code": came["code"], "redirect_uri": redirect, "client_id": client,
                "code_verifier": verifier}).json()
            me = requests.get(f"{base}/api/auth/me", headers={"Authorization": f"Bearer {tokens['access_token']}"}, timeout=30)
            assert me.status_code == 200 and me.json()["data"]["email"] == person["email"], me.text
        application.shutdown()
        later(browser.ready)
