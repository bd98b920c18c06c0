"""A way through OpenScouter's identity with clients that are not ours: Authlib and the MCP SDK as OAuth clients, PyJWT
as the reader of access tokens. Each answer is held against the golden document."""
import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import pathlib
import re
import subprocess
import sys
import time
import urllib.parse

import httpx2
import jwt
import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from cryptography.hazmat.primitives import serialization
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata

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
        as_documented(method, path, answer)
        kind = answer.headers.get("Content-Type")
        return answer if kind is None or not kind.endswith("json") else answer.json()

    def data_of(self, *arguments, **named):
        return self.call(*arguments, **named)["data"]

    def refused(self, method, path, expected, error, *arguments, **named):
        told = self.call(method, path, expected, *arguments, **named)["error"]
        assert told == error, f"{method} {path}: {told!r}, not {error!r}"

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


def as_documented(method, target, answer):
    kind = answer.headers.get("Content-Type")
    fault = DOCUMENT.fault(method, target, answer.status_code, kind, answer.text) if answer.text else None
    assert fault is None, f"{method} {target}: {fault}"


def bearer(session):
    return "Bearer " + session["accessToken"]


def accounts(world):
    me = "dana@openscouter.example"
    body = {"role": "business", "email": me, "password": PASSWORD, "fullName": "Dana Roe", "companyName": "Roe Ltd"}
    world.call("POST", "/api/auth/sign-up", 202, body)
    right = {"email": me, "password": PASSWORD}
    world.refused("POST", "/api/auth/sign-in", 403, "Email address not verified", right)
    world.refused("POST", "/api/auth/sign-in", 401, "Invalid email or password", {**right, "password": "no"})
    link = {"token": world.mail(me, "Confirm your e-mail address")}
    world.call("POST", "/api/auth/verify-email", 200, link)
    world.refused("POST", "/api/auth/verify-email", 422, "token: is invalid or expired", link)
    first = world.sign_in(me)
    assert world.data_of("GET", "/api/auth/me", 200, credential=bearer(first)) == first["user"]
    assert first["user"]["status"] == "active" and first["user"]["organization"]["name"] == "Roe Ltd"
    world.refused("GET", "/api/auth/me", 401, "Missing credentials")
    world.refused("GET", "/api/auth/me", 401, "Invalid credentials", credential="Basic ZGFuYTpubw==")

    # a refresh token works once; whoever brings it again ends the sign-in, access tokens included
    second = world.data_of("POST", "/api/auth/refresh", 200, {"refreshToken": first["refreshToken"]})
    third = world.data_of("POST", "/api/auth/refresh", 200, {"refreshToken": second["refreshToken"]})
    world.call("GET", "/api/auth/me", 200, credential=bearer(third))
    for used in (first, third):
        body = {"refreshToken": used["refreshToken"]}
        world.refused("POST", "/api/auth/refresh", 401, "Invalid refresh token", body)
    for session in (first, second, third):
        world.refused("GET", "/api/auth/me", 401, "Invalid credentials", credential=bearer(session))

    world.call("POST", "/api/auth/magic-link", 202, {"email": me})
    link = {"token": world.mail(me, "Your sign-in link")}
    session = world.data_of("POST", "/api/auth/magic-link/verify", 200, link)
    world.refused("POST", "/api/auth/magic-link/verify", 422, "token: is invalid or expired", link)
    world.call("POST", "/api/auth/forgot-password", 202, {"email": me})
    reset = {"token": world.mail(me, "Set a new password"), "password": "another long phrase"}
    world.call("POST", "/api/auth/reset-password", 200, reset)
    world.refused("POST", "/api/auth/reset-password", 422, "token: is invalid or expired", reset)
    world.refused("GET", "/api/auth/me", 401, "Invalid credentials", credential=bearer(session))
    world.refused("POST", "/api/auth/sign-in", 401, "Invalid email or password", right)
    session = world.sign_in(me, "another long phrase")
    world.call("POST", "/api/auth/sign-out", 200, {}, credential=bearer(session))
    world.refused("GET", "/api/auth/me", 401, "Invalid credentials", credential=bearer(session))
    world.refused("POST", "/api/auth/refresh", 401, "Invalid refresh token", {"refreshToken": session["refreshToken"]})
    return me, "another long phrase"


def access_tokens(world, me, password):
    """PyJWT believes what the API signs, and the API believes nothing else."""
    session = world.sign_in(me, password)
    token = session["accessToken"]
    published = world.call("GET", "/.well-known/jwks.json", 200)
    assert published == world.call("GET", "/api/auth/jwks", 200)
    assert not any("d" in key for key in published["keys"]), "the secret stays at home"
    key = jwt.PyJWKClient(world.root + "/.well-known/jwks.json").get_signing_key_from_jwt(token)
    # the system's clock may be ahead of this machine's
    claims = jwt.decode(token, key.key, algorithms=["EdDSA"], audience=world.base, issuer=world.root,
                        options={"verify_iat": False, "verify_nbf": False})
    user = session["user"]
    assert claims["sub"] == user["userId"] and claims["exp"] == claims["iat"] + 86400
    assert claims["org"] == user["organization"]["organizationId"]
    assert (claims["role"], claims["plan"]) == ("business", "free")
    head = {"kid": jwt.get_unverified_header(token)["kid"]}
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "JWT", **head}

    def refused(forged, error="Invalid credentials"):
        world.refused("GET", "/api/auth/me", 401, error, credential="Bearer " + forged)

    # by somebody who has only what is published
    raw = key.key.public_bytes_raw()
    pem = key.key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    [x] = [known["x"] for known in published["keys"] if known["kid"] == head["kid"]]
    header, payload, signature = token.split(".")
    stranger = jwt.algorithms.OKPAlgorithm().prepare_key(OTHER_KEY)
    none = base64url(json.dumps({"alg": "none", "typ": "JWT", **head}).encode())
    for forged in [
        jwt.encode(claims, None, algorithm="none", headers=head),
        f"{none}.{payload}.{signature}",
        *[hs256(claims, head, secret) for secret in (raw, x.encode(), pem, b"")],
        jwt.encode(claims, stranger, algorithm="EdDSA", headers=head),
        jwt.encode(claims, stranger, algorithm="EdDSA", headers={"kid": "another"}),
        f"{header}.{payload}.",
        f"{header}.{base64url(json.dumps({**claims, 'role': 'admin'}).encode())}.{signature}",
        f"{header}.{payload}.{base64url(bytes(64))}",
        f"{header}.{payload}.{signature[:10]}{'B' if signature[10] == 'A' else 'A'}{signature[11:]}",
        f"{header}.{payload}.{signature}=",
    ]:
        refused(forged)

    # by the key itself, yet not for this API or this moment
    world.advance(61)
    [own, *_] = json.loads((pathlib.Path(world.data) / "signing-keys.json").read_text())
    own = jwt.PyJWK(own, algorithm="EdDSA").key

    def sign(header=None, **changes):
        changed = {name: value for name, value in {**claims, **changes}.items() if value is not ...}
        return jwt.encode(changed, own, algorithm="EdDSA", headers={**head, **(header or {})})

    world.call("GET", "/api/auth/me", 200, credential="Bearer " + sign())
    for forged in [
        *[sign(aud=audience) for audience in (world.base + "/mcp", world.base + "/", world.root, [world.base], "")],
        *[sign(iss=issuer) for issuer in (world.root + "/", world.base, "https://openscouter.com")],
        *[sign(**{claim: ...}) for claim in claims],
        sign(sub="user_00000000000000000000000000"),
        sign(jti="x"),
        sign(iat=claims["iat"] + 3600, exp=claims["exp"] + 3600),
        sign(header={"kid": "another"}),
    ]:
        refused(forged)
    refused(sign(iat=claims["iat"] - 86400, exp=claims["iat"]), "Token expired")
    world.call("GET", "/api/auth/me", 200, credential="Bearer " + token)
    world.advance(86400)
    refused(token, "Token expired")
    refreshed = world.data_of("POST", "/api/auth/refresh", 200, {"refreshToken": session["refreshToken"]})
    world.call("GET", "/api/auth/me", 200, credential=bearer(refreshed))


def base64url(octets):
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def hs256(claims, head, secret):
    """By hand, since PyJWT refuses public keys as secrets."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT", **head}, claims)]
    signed = ".".join(map(base64url, parts))
    return f"{signed}.{base64url(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


OTHER_KEY = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIEJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC
-----END PRIVATE KEY-----
"""


def consent(world, url, me, password, draft=True):
    """What a person does in a browser; the address that it ends at, and its parameters."""
    endpoint = url.partition("?")[0]
    path = endpoint.removeprefix(world.root)
    page = requests.get(url, timeout=30)
    assert page.status_code == 200, page.text
    as_documented("GET", path, page)

    def send(expected, **fields):
        form = {"transaction": re.search(r'name="transaction" value="([^"]+)"', page.text)[1], **fields}
        answer = requests.post(endpoint, data=form, allow_redirects=False, timeout=30)
        assert answer.status_code == expected, answer.text
        as_documented("POST", path, answer)
        return answer

    send(401, email=me, password="not the phrase", action="sign-in")
    page = send(200, email=me, password=password, action="sign-in")
    assert re.search(r'name="draft" value="yes">', page.text), "drafts are offered, and not ticked"
    workspace = re.search(r'<option value="(org_[^"]+)"', page.text)[1]
    granted = {"draft": "yes"} if draft else {}
    location = send(302, workspace=workspace, action="approve", **granted).headers["Location"]
    assert location.startswith(CALLBACK + "?")
    return location, dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))


def authlib(world, me, password):
    """Authlib authorizes with PKCE, refreshes and revokes."""
    resource = world.call("GET", "/.well-known/oauth-protected-resource/api", 200)
    assert resource["resource"] == world.base
    [issuer] = resource["authorization_servers"]
    server = AuthorizationServerMetadata(world.call("GET", get_well_known_url(issuer), 200))
    assert server["issuer"] == issuer
    for name in [name for name in server.REGISTRY_KEYS if not name.endswith(("issuer", "_endpoint"))]:
        # of addresses Authlib wants TLS, which a local system has not
        getattr(server, "validate_" + name)()
    body = {"redirect_uris": [CALLBACK], "client_name": "Authlib", "token_endpoint_auth_method": "none"}
    client = world.call("POST", "/api/oauth/register", 201, body)["client_id"]
    endpoint = server["token_endpoint"]

    def documented(answer, **_):
        as_documented(answer.request.method, answer.url.removeprefix(world.root), answer)

    def authorize():
        session = OAuth2Session(client, token_endpoint_auth_method="none", revocation_endpoint_auth_method="none",
                                scope="read draft", redirect_uri=CALLBACK, code_challenge_method="S256")
        session.hooks["response"].append(documented)
        verifier = generate_token(64)
        url, state = session.create_authorization_url(server["authorization_endpoint"], code_verifier=verifier,
                                                      resource=world.base)
        assert create_s256_code_challenge(verifier) in url
        location, query = consent(world, url, me, password)
        assert query["state"] == state and query["iss"] == issuer
        return session, {"authorization_response": location, "state": state, "code_verifier": verifier}, query["code"]

    def dead(token):
        world.refused("GET", "/api/auth/me", 401, "Invalid credentials", credential="Bearer " + token["access_token"])

    def no_grant(**form):
        answer = world.call("POST", "/api/oauth/token", 400, form={"client_id": client, **form})
        assert answer["error"] == "invalid_grant"

    def credential(session):
        answer = session.get(world.base + "/auth/me")
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]["credential"]

    session, place, _ = authorize()
    first = dict(session.fetch_token(endpoint, **place))
    assert first["scope"] == "read draft" and first["expires_in"] == 3600
    assert credential(session) == {"kind": "oauth", "scopes": ["read", "draft"]}
    assert session.get(world.base + "/tokens").json()["error"] == "This credential cannot be used here"
    second = dict(session.refresh_token(endpoint, refresh_token=first["refresh_token"], scope="read"))
    assert second["scope"] == "read" and second["refresh_token"] != first["refresh_token"]
    assert credential(session) == {"kind": "oauth", "scopes": ["read"]}
    # a client that asks twice at once presents a refresh token twice: for ten seconds it gives one beside the other's
    beside = world.call("POST", "/api/oauth/token", 200, form={
        "client_id": client, "grant_type": "refresh_token", "refresh_token": first["refresh_token"]})
    assert beside["refresh_token"] not in (first["refresh_token"], second["refresh_token"])
    assert credential(session) == {"kind": "oauth", "scopes": ["read"]}
    # one that comes back later ends the connection
    world.advance(11)
    no_grant(grant_type="refresh_token", refresh_token=first["refresh_token"])
    no_grant(grant_type="refresh_token", refresh_token=beside["refresh_token"])
    no_grant(grant_type="refresh_token", refresh_token=second["refresh_token"])
    dead(first)
    dead(second)

    # and so does a code
    world.advance(61)
    session, place, code = authorize()
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    no_grant(**grant, code_verifier=generate_token(64))
    token = session.fetch_token(endpoint, **place)
    assert credential(session)["kind"] == "oauth"
    no_grant(**grant, code_verifier=place["code_verifier"])
    dead(token)
    no_grant(grant_type="refresh_token", refresh_token=token["refresh_token"])

    world.advance(61)
    for kind in ("refresh_token", "access_token"):
        session, place, _ = authorize()
        token = dict(session.fetch_token(endpoint, **place))
        assert credential(session)["kind"] == "oauth"
        answer = session.revoke_token(server["revocation_endpoint"], token=token[kind], token_type_hint=kind)
        assert (answer.status_code, answer.text) == (200, "")
        dead(token)
        no_grant(grant_type="refresh_token", refresh_token=token["refresh_token"])


class Storage:
    """Where the MCP SDK keeps what it is given."""

    tokens = client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


async def mcp_sdk(world, me, password):
    """The MCP SDK, told an address, finds out the rest by itself; an access token that works."""
    asked = []

    async def documented(answer):
        await answer.aread()
        target = answer.url.raw_path.decode()
        as_documented(answer.request.method, target, answer)
        asked.append((answer.request.method, target, answer.status_code))

    def client(resource):
        places = []

        async def redirect(url):
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
            assert query["code_challenge_method"] == "S256" and query["resource"] == resource
            places.append((await asyncio.to_thread(consent, world, url, me, password))[1])

        async def callback():
            place = places.pop()
            return AuthorizationCodeResult(code=place["code"], state=place["state"], iss=place["iss"])

        metadata = OAuthClientMetadata(client_name="MCP SDK", redirect_uris=[CALLBACK])
        provider = OAuthClientProvider(resource, metadata, Storage(), redirect, callback)
        return provider, httpx2.AsyncClient(auth=provider, event_hooks={"response": [documented]}, timeout=30)

    provider, http = client(world.base)
    async with http:
        me_url = world.base + "/auth/me"
        answer = await http.get(me_url)
        assert answer.json()["data"]["credential"] == {"kind": "oauth", "scopes": ["read", "draft"]}
        assert asked == [
            ("GET", "/api/auth/me", 401),
            ("GET", "/.well-known/oauth-protected-resource/api", 200),
            ("GET", "/.well-known/oauth-authorization-server", 200),
            ("POST", "/api/oauth/register", 201),
            ("POST", "/api/oauth/token", 200),
            ("GET", "/api/auth/me", 200),
        ], asked
        first = provider.context.current_tokens
        # an hour later it refreshes
        world.advance(3600)
        world.refused("GET", "/api/auth/me", 401, "Invalid credentials", credential="Bearer " + first.access_token)
        provider.context.token_expiry_time = 1
        asked.clear()
        assert (await http.get(me_url)).status_code == 200
        assert asked == [("POST", "/api/oauth/token", 200), ("GET", "/api/auth/me", 200)], asked
        assert provider.context.current_tokens.refresh_token != first.refresh_token
        kept = provider.context.current_tokens.access_token

    # what is for the MCP server is for nothing else
    world.advance(61)
    provider, http = client(world.base + "/mcp")
    async with http:
        asked.clear()
        assert (await http.get(me_url)).status_code == 401
        assert asked[1][1] == "/.well-known/oauth-protected-resource/api/mcp" and asked[-2][2] == 200, asked
        assert provider.context.current_tokens.access_token.startswith("osat_")
    return kept


def operators(world, me, password, connection):
    """An admin suspends a person, whose every credential is refused at once."""
    command = [world.outscout, "admin", "create", "--email", "ann@openscouter.example", "--json", "--data", world.data]
    made = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    admin = world.sign_in(made["email"], made["password"])
    assert admin["user"]["role"] == "admin" and admin["user"]["organization"] is None
    session = world.sign_in(me, password)
    person = f"/api/admin/users/{session['user']['userId']}"
    wanted = {"name": "CI", "scopes": ["read"]}
    world.refused("POST", "/api/tokens", 403, "Missing scope: admin", {**wanted, "scopes": ["admin"]},
                  credential=bearer(session))
    token = world.data_of("POST", "/api/tokens", 201, wanted, credential=bearer(session))
    secret = token.pop("token")
    assert re.fullmatch("osc_[A-Za-z0-9_-]{43}", secret) and secret.endswith(token["lastFour"])
    assert world.data_of("GET", "/api/tokens", 200, credential=bearer(session)) == [token]
    other = world.data_of("POST", "/api/tokens", 201, wanted, credential=bearer(session))
    world.call("DELETE", f"/api/tokens/{other['tokenId']}", 200, credential=bearer(session))
    world.refused("GET", "/api/auth/me", 401, "Invalid credentials", credential="Token " + other["token"])
    world.refused("DELETE", f"/api/tokens/{other['tokenId']}", 404, "Token not found", credential=bearer(session))

    credentials = [bearer(session), "Token " + secret, "Bearer " + connection]
    for credential in credentials:
        world.call("GET", "/api/auth/me", 200, credential=credential)
    found = world.data_of("GET", "/api/auth/me", 200, credential=credentials[1])
    assert found == {**session["user"], "credential": {"kind": "token", "scopes": ["read"]}}
    for credential in credentials:
        world.call("GET", "/api/admin/audit", 403, credential=credential)
    connections = world.data_of("GET", "/api/connections", 200, credential=bearer(session))
    assert {known["audience"] for known in connections} == {world.base, world.base + "/mcp"}

    def set_status(status, expected=200):
        return world.call("PATCH", person, expected, {"status": status}, credential=bearer(admin))

    assert set_status("suspended")["data"]["status"] == "suspended"
    for credential in credentials:
        world.refused("GET", "/api/auth/me", 403, "Account suspended", credential=credential)
    sign_in = {"email": me, "password": password}
    world.refused("POST", "/api/auth/sign-in", 403, "Account suspended", sign_in)
    assert set_status("active")["data"]["status"] == "active"
    # the sign-in ended with the suspension; the other credentials come back with the person
    body = {"refreshToken": session["refreshToken"]}
    world.refused("POST", "/api/auth/refresh", 401, "Invalid refresh token", body)
    world.refused("GET", "/api/auth/me", 401, "Invalid credentials", credential=credentials[0])
    for credential in credentials[1:]:
        world.call("GET", "/api/auth/me", 200, credential=credential)
    session = world.sign_in(me, password)
    for known in connections:
        path = f"/api/connections/{known['connectionId']}"
        world.call("DELETE", path, 200, credential=bearer(session))
        world.refused("DELETE", path, 404, "Connection not found", credential=bearer(session))
    world.refused("GET", "/api/auth/me", 401, "Invalid credentials", credential=credentials[2])

    body = {"name": "audit", "scopes": ["admin"]}
    auditor = "Token " + world.data_of("POST", "/api/tokens", 201, body, credential=bearer(admin))["token"]
    world.call("GET", "/api/admin/organizations", 200, credential=auditor)
    wanted = {"auth.sign_in", "auth.sign_out", "auth.refresh_reuse", "token.issued", "token.revoked",
              "connection.created", "connection.revoked", "access.refused", "user.status_changed"}
    for _ in range(100):
        entries = world.data_of("GET", "/api/admin/audit?limit=100", 200, credential=auditor)
        if wanted <= {entry["action"] for entry in entries}:
            break
        time.sleep(0.05)
    else:
        raise AssertionError(wanted - {entry["action"] for entry in entries})
    changes = world.data_of("GET", "/api/admin/audit?action=user.status_changed", 200, credential=auditor)
    assert {change["actorId"] for change in changes} == {admin["user"]["userId"]}
    assert {change["objectId"] for change in changes} == {session["user"]["userId"]}
    text = json.dumps(entries)
    assert me not in text and secret not in text, "the trail names ids, never addresses and secrets"


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
    requests.post(world.control + "/_local/schedules/background-work", json={}, timeout=60).raise_for_status()
    world.call("POST", "/api/auth/sign-in", 401, {"email": me, "password": password})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("openscouter", "control", "outscout", "data"):
        parser.add_argument("--" + name, required=True)
    options = parser.parse_args()
    world = World(options.openscouter, options.control, options.outscout, options.data)
    person = accounts(world)
    world.advance(61)
    access_tokens(world, *person)
    world.advance(61)
    authlib(world, *person)
    world.advance(61)
    connection = asyncio.run(mcp_sdk(world, *person))
    world.advance(61)
    operators(world, *person, connection)
    rights(world, *person)
    print("openscouter: from sign-up to erasure, with OAuth and administration, every answer as documented")
    sys.exit(0)
