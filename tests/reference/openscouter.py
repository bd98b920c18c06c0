"""A way through OpenScouter's identity with clients that are not ours: Authlib as the OAuth client, PyJWT as the
reader of access tokens. Each answer is held against the golden document."""
import argparse
import base64
import json
import re
import subprocess
import sys
import time
import urllib.parse

import jwt
import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7636 import create_s256_code_challenge

import golden

DOCUMENT = golden.Document("openscouter")
PASSWORD = "long enough phrase"
CALLBACK = "http://localhost:33418/callback"


class World:
    """A running system: its API, its clock and its mails."""

    def __init__(self, base, control, outscout, data):
        self.base, self.root = base, base.removesuffix("/api")
        self.control, self.outscout, self.data = control, outscout, data

    def call(self, method, path, expected, body=None, credential=None, form=None):
        headers = {"Authorization": credential} if credential else {}
        answer = requests.request(method, self.root + path, json=body, data=form, headers=headers,
                                  allow_redirects=False, timeout=30)
        assert answer.status_code == expected, f"{method} {path}: {answer.status_code} {answer.text}"
        kind = answer.headers.get("Content-Type")
        fault = DOCUMENT.fault(method, path, answer.status_code, kind, answer.text) if answer.text else None
        assert fault is None, f"{method} {path}: {fault}"
        return answer if kind is None or not kind.endswith("json") else answer.json()

    def data_of(self, *arguments, **named):
        return self.call(*arguments, **named)["data"]

    def advance(self, seconds):
        requests.post(self.control + "/_local/clock", json={"advance_seconds": seconds}, timeout=30).raise_for_status()

    def mail(self, to, subject):
        """The token of the last mail of this kind."""
        for _ in range(200):
            mails = requests.get(self.control + "/_local/mail", timeout=30).json()
            found = [mail for mail in mails if mail["to"] == [to] and mail["subject"] == subject]
            if found:
                return re.search(r"\?token=([A-Za-z0-9_-]{43})", found[-1]["text"])[1]
            time.sleep(0.05)
        raise AssertionError(f"no mail {subject!r} to {to}")

    def sign_in(self, email, password=PASSWORD):
        return self.data_of("POST", "/api/auth/sign-in", 200, {"email": email, "password": password})


def bearer(session):
    return "Bearer " + session["accessToken"]


def accounts(world):
    me = "dana@openscouter.example"
    body = {"role": "business", "email": me, "password": PASSWORD, "fullName": "Dana Roe", "companyName": "Roe Ltd"}
    world.call("POST", "/api/auth/sign-up", 202, body)
    world.call("POST", "/api/auth/sign-in", 403, {"email": me, "password": PASSWORD})
    world.call("POST", "/api/auth/verify-email", 200, {"token": world.mail(me, "Confirm your e-mail address")})
    session = world.sign_in(me)
    world.call("GET", "/api/auth/me", 200, credential=bearer(session))
    second = world.data_of("POST", "/api/auth/refresh", 200, {"refreshToken": session["refreshToken"]})
    world.call("POST", "/api/auth/refresh", 401, {"refreshToken": session["refreshToken"]})
    world.call("POST", "/api/auth/refresh", 401, {"refreshToken": second["refreshToken"]})
    world.call("POST", "/api/auth/magic-link", 202, {"email": me})
    link = {"token": world.mail(me, "Your sign-in link")}
    session = world.data_of("POST", "/api/auth/magic-link/verify", 200, link)
    world.call("POST", "/api/auth/magic-link/verify", 422, link)
    world.call("POST", "/api/auth/forgot-password", 202, {"email": me})
    reset = {"token": world.mail(me, "Set a new password"), "password": "another long phrase"}
    world.call("POST", "/api/auth/reset-password", 200, reset)
    world.call("GET", "/api/auth/me", 401, credential=bearer(session))
    session = world.sign_in(me, "another long phrase")
    world.call("POST", "/api/auth/sign-out", 200, {}, credential=bearer(session))
    world.call("GET", "/api/auth/me", 401, credential=bearer(session))
    return me, "another long phrase"


def access_tokens(world, me, password):
    """PyJWT believes what the API signs, and the API believes nothing else."""
    session = world.sign_in(me, password)
    token = session["accessToken"]
    keys = jwt.PyJWKClient(world.root + "/.well-known/jwks.json")
    key = keys.get_signing_key_from_jwt(token)
    # the system's clock may be ahead of this machine's
    claims = jwt.decode(token, key.key, algorithms=["EdDSA"], audience=world.base, issuer=world.root,
                        options={"verify_iat": False, "verify_nbf": False})
    assert claims["sub"] == session["user"]["userId"] and claims["exp"] == claims["iat"] + 86400
    public = key.key.public_bytes_raw()
    header, payload, signature = token.split(".")
    stranger = jwt.algorithms.OKPAlgorithm().prepare_key(OTHER_KEY)
    head = {"kid": jwt.get_unverified_header(token)["kid"]}
    forged = [
        jwt.encode(claims, None, algorithm="none", headers=head),
        jwt.encode(claims, public, algorithm="HS256", headers=head),
        jwt.encode(claims, stranger, algorithm="EdDSA", headers=head),
        f"{header}.{payload}.",
        f"{header}.{base64.urlsafe_b64encode(json.dumps({**claims, 'role': 'admin'}).encode()).decode().rstrip('=')}.{signature}",
    ]
    for wrong in forged:
        world.call("GET", "/api/auth/me", 401, credential="Bearer " + wrong)
    world.call("GET", "/api/auth/me", 200, credential="Bearer " + token)
    return session


OTHER_KEY = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIEJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC
-----END PRIVATE KEY-----
"""


def oauth(world, me, password):
    """Authlib registers, authorizes with PKCE, refreshes and revokes."""
    resource = world.call("GET", "/.well-known/oauth-protected-resource/api", 200)
    server = world.call("GET", "/.well-known/oauth-authorization-server", 200)
    assert resource["authorization_servers"] == [server["issuer"]] and resource["resource"] == world.base
    client = world.call("POST", "/api/oauth/register", 201, {"redirect_uris": [CALLBACK], "client_name": "Authlib"})

    def new_client():
        return OAuth2Session(client["client_id"], token_endpoint_auth_method="none", scope="read draft",
                             redirect_uri=CALLBACK, code_challenge_method="S256",
                             revocation_endpoint_auth_method="none")

    def authorize():
        """What a person does in a browser; the address that it ends at."""
        verifier = generate_token(64)
        url, state = new_client().create_authorization_url(server["authorization_endpoint"], code_verifier=verifier,
                                                           resource=world.base)
        assert create_s256_code_challenge(verifier) in url
        page = requests.get(url, timeout=30)
        assert page.status_code == 200, page.text
        form = {"transaction": hidden(page), "email": me, "password": password, "action": "sign-in"}
        page = requests.post(server["authorization_endpoint"], data=form, timeout=30)
        workspace = re.search(r'<option value="(org_[^"]+)"', page.text)[1]
        form = {"transaction": hidden(page), "workspace": workspace, "draft": "yes", "action": "approve"}
        answer = requests.post(server["authorization_endpoint"], data=form, allow_redirects=False, timeout=30)
        assert answer.status_code == 302, answer.text
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(answer.headers["Location"]).query))
        assert query["state"] == state and query["iss"] == server["issuer"]
        return answer.headers["Location"], verifier, state

    def fetch(session, location, verifier, state):
        return session.fetch_token(server["token_endpoint"], authorization_response=location, state=state,
                                   code_verifier=verifier)

    session, place = new_client(), authorize()
    first = fetch(session, *place)
    assert first["scope"] == "read draft" and first["expires_in"] == 3600
    assert session.get(world.base + "/auth/me").json()["data"]["credential"]["kind"] == "oauth"
    second = dict(session.refresh_token(server["token_endpoint"], refresh_token=first["refresh_token"]))
    assert second["refresh_token"] != first["refresh_token"]
    old = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "client_id": client["client_id"]}
    assert world.call("POST", "/api/oauth/token", 400, form=old)["error"] == "invalid_grant"
    world.call("GET", "/api/auth/me", 401, credential="Bearer " + second["access_token"])

    world.advance(61)
    session, place = new_client(), authorize()
    tokens = fetch(session, *place)
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(place[0]).query)["code"][0]
    again = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
             "client_id": client["client_id"], "code_verifier": place[1]}
    assert world.call("POST", "/api/oauth/token", 400, form=again)["error"] == "invalid_grant"
    world.call("GET", "/api/auth/me", 401, credential="Bearer " + tokens["access_token"])

    session, place = new_client(), authorize()
    tokens = fetch(session, *place)
    revoked = {"token": tokens["access_token"], "client_id": client["client_id"]}
    world.call("POST", "/api/oauth/revoke", 200, form=revoked)
    world.call("GET", "/api/auth/me", 401, credential="Bearer " + tokens["access_token"])
    world.advance(61)
    session, place = new_client(), authorize()
    return "Bearer " + fetch(session, *place)["access_token"]


def hidden(page):
    return re.search(r'name="transaction" value="([^"]+)"', page.text)[1]


def operators(world, me, password, connection):
    """An admin suspends a person, whose every credential is refused at once."""
    command = [world.outscout, "admin", "create", "--email", "ann@openscouter.example", "--json", "--data", world.data]
    made = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    admin = world.sign_in(made["email"], made["password"])
    session = world.sign_in(me, password)
    person = session["user"]["userId"]
    token = world.data_of("POST", "/api/tokens", 201, {"name": "CI", "scopes": ["read"]}, credential=bearer(session))
    credentials = [bearer(session), "Token " + token["token"], connection]
    for credential in credentials:
        world.call("GET", "/api/auth/me", 200, credential=credential)
    world.call("GET", "/api/tokens", 200, credential=bearer(session))
    world.call("GET", "/api/connections", 200, credential=bearer(session))
    world.call("GET", "/api/admin/audit", 403, credential=bearer(session))
    world.call("PATCH", f"/api/admin/users/{person}", 200, {"status": "suspended"}, credential=bearer(admin))
    for credential in credentials:
        world.call("GET", "/api/auth/me", 403, credential=credential)
    world.call("PATCH", f"/api/admin/users/{person}", 200, {"status": "active"}, credential=bearer(admin))
    world.call("GET", "/api/admin/organizations", 200, credential=bearer(admin))
    wanted = {"auth.sign_in", "auth.sign_out", "auth.refresh_reuse", "token.issued", "connection.created",
              "connection.revoked", "access.refused", "user.status_changed"}
    for _ in range(100):
        entries = world.data_of("GET", "/api/admin/audit?limit=100", 200, credential=bearer(admin))
        if wanted <= {entry["action"] for entry in entries}:
            return admin
        time.sleep(0.05)
    raise AssertionError(wanted - {entry["action"] for entry in entries})


def rights(world, me, password):
    world.advance(61)
    session = world.sign_in(me, password)
    made = world.data_of("POST", "/api/me/exports", 202, {}, credential=bearer(session))
    for _ in range(100):
        export = world.data_of("GET", f"/api/me/exports/{made['exportId']}", 200, credential=bearer(session))
        if export["status"] == "complete":
            break
        time.sleep(0.05)
    bundle = requests.get(export["downloadUrl"], timeout=30).json()
    assert bundle["user"]["email"] == me
    world.call("POST", "/api/me/erasure", 202, {"confirm": "ERASE"}, credential=bearer(session))
    world.call("GET", "/api/me/erasure", 200, credential=bearer(session))
    # thirty days later nobody has ever been there
    world.advance(30 * 86400)
    requests.post(world.control + "/_local/schedules/background-work", timeout=60).raise_for_status()
    world.call("POST", "/api/auth/sign-in", 401, {"email": me, "password": password})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("openscouter", "control", "outscout", "data"):
        parser.add_argument("--" + name, required=True)
    options = parser.parse_args()
    world = World(options.openscouter, options.control, options.outscout, options.data)
    person = accounts(world)
    access_tokens(world, *person)
    world.advance(61)
    connection = oauth(world, *person)
    world.advance(61)
    operators(world, *person, connection)
    rights(world, *person)
    print("openscouter: from sign-up to erasure, with OAuth and administration, every answer as documented")
    sys.exit(0)
