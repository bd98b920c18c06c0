"""Replays the battery against the reference server and outscout and prints every difference in full.

Everything of an answer that the contract names is compared. What is not is in `expected`, each mask with its section.
"""
import argparse
import copy
import json
import re
import socket
import sys
import time
import urllib.parse

import golden
from battery import Case, STUDY, auth, cases

DOCUMENT = golden.Document("outset")

SECURITY = {
    "x-content-type-options": ["nosniff"],
    "x-frame-options": ["DENY"],
    "referrer-policy": ["same-origin"],
    "cross-origin-opener-policy": ["same-origin"],
}
NAMED = ["content-type", "allow", "www-authenticate", "location", "retry-after", "content-length", *SECURITY]
PARSE_ERROR = re.compile(rb'(JSON parse error - )(?:[^"\\]|\\.)*')
STUDY_TEXT = re.compile(
    rb'("id": ?"(?P<id>[0-9a-f-]{36})",\s*"active": ?(?P<active>true|false),.*?"status": ?)"(?P<status>\w+)"'
    rb'(.*?"updated_at": ?)"[^"]*"', re.S)
SCHEMA_OPTIONS = (b'{"name":"Schema","description":"","renders":["application/vnd.oai.openapi","application/yaml",'
                  b'"application/vnd.oai.openapi+json","application/json"],"parses":["application/json"]}')


def envelope(code, detail):
    error = {"field": None, "detail": detail, "code": code}
    return json.dumps({"status": "error", "errors": [error]}, separators=(",", ":")).encode()


class Answer:
    """One answer as it came: the status, every header with all its values, the body's bytes."""

    def __init__(self, raw, method):
        head, _, rest = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.raw, self.status, self.headers = raw, int(first.split()[1]), {}
        for line in lines:
            name, _, value = line.partition(":")
            self.headers.setdefault(name.lower(), []).append(value.strip())
        self.head_only = method == "HEAD" or self.status in (204, 304)
        self.body = dechunk(rest) if self.headers.get("transfer-encoding") == ["chunked"] else rest

    def text(self):
        return self.raw.decode("utf-8", "backslashreplace").replace("\r\n", "\n")


def rebuilt(url):
    """7.2 (D): the query is rebuilt, form-encoded, with the same parameters in the same order."""
    path, mark, query = url.partition("?")
    return path + mark + urllib.parse.urlencode(urllib.parse.parse_qsl(query, keep_blank_values=True, errors="replace"))


def dechunk(data):
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        body, data = body + data[:length], data[length + 2:]
        if not length:
            break
    return body


def request(case, keys):
    """The request's bytes. A target or header may hold any byte, written as a character of its code."""
    fill = lambda text: text.replace("{K}", keys[0]).replace("{R}", keys[1])
    given = {name.lower() for name, _ in case.headers}
    headers = [("Host", "api.test"), ("X-Forwarded-Proto", "https"), ("Connection", "close")]
    headers = [pair for pair in headers if pair[0].lower() not in given]
    headers += [(name, fill(value)) for name, value in case.headers if value is not None]
    if not given & {"transfer-encoding"} and (case.body or case.method in ("POST", "PUT", "PATCH")):
        headers.append(("Content-Length", str(len(case.body))))
    head = f"{case.method} {fill(case.target)} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers)
    return head.encode("latin-1") + b"\r\n" + case.body


def send(origin, case, keys):
    """One raw request on a connection of its own."""
    with socket.create_connection(origin, timeout=30) as connection:
        connection.sendall(request(case, keys))
        data = b""
        while part := connection.recv(65536):
            data += part
    return Answer(data, case.method)


class Comparer:
    def __init__(self):
        self.touched = set()

    def view(self, answer, case, reference):
        """What of an answer is compared. `expected` marks: each mask names the section that allows it."""
        headers, body, status = dict(answer.headers), answer.body, answer.status
        if reference and case.method == "HEAD":
            # 7.3: HEAD is GET without the body, which gunicorn leaves on the wire
            body = b""
        if headers.get("transfer-encoding") == ["chunked"]:
            # framing alone: a chunked body and one with its length are the same answer
            headers["content-length"] = [str(len(answer.body))]
        seen = {name: headers.get(name) for name in NAMED}
        if status == 301:
            # framing alone: stock closes the connection after nothing
            seen["content-length"] = seen["content-length"] or (["0"] if reference else None)
            seen["location"] = [rebuilt(url) for url in seen["location"] or []]
        html = (headers.get("content-type") or [""])[0].startswith("text/html")
        notes = []
        if reference:
            # 13.1 (D): the security headers are on every answer, also where stock omits one
            seen |= {name: seen[name] or value for name, value in SECURITY.items()}
            if status == 404 and html:
                # 4.3 (D): stock's HTML for an unrouted path is the envelope here
                body = envelope("not_found", "Not found.")
                seen |= {"content-type": ["application/json"], "content-length": [str(len(body))], "allow": None}
                body = b"" if case.method == "HEAD" else body
        if not html and (case.as_if or case).target.partition("?")[0] == "/v1/schema/":
            self.schema(seen, answer, case, reference, notes)
            body = seen.pop("body")
        masked = PARSE_ERROR.sub(rb"\1*", body)  # 4.2: only the beginning of a parse error's text counts
        masked = STUDY_TEXT.sub(lambda found: self.study(found, reference, notes), masked)
        if masked != body:
            # the length goes with the masked text; it must still be that of the body
            if headers.get("content-length") != [str(len(body))]:
                notes.append("content-length is not the body's")
            seen["content-length"] = "masked"
        if not reference and answer.head_only and answer.body:
            notes.append("a body where none may be")
        return {"status": status, "body": masked, "notes": notes} | seen

    def study(self, found, reference, notes):
        """2 (D): `status` follows `active` and `updated_at` moves, in studies that the battery has changed."""
        if found["id"] not in self.touched:
            return found[0]
        if not reference and (found["active"] == b"true") != (found["status"] in (b"open", b"in_progress")):
            notes.append(f"active and status of {found['id'].decode()} contradict each other")
        return found[1] + b'"*"' + found[5] + b'"*"'

    def schema(self, seen, answer, case, reference, notes):
        """11 (D): how errors are rendered, what OPTIONS lists, and parts of the document."""
        seen["vary"] = answer.headers.get("vary")
        seen["content-disposition"] = answer.headers.get("content-disposition")
        seen["body"] = b"" if case.method == "HEAD" else answer.body
        fixed = {
            404: lambda: envelope("not_found", "Not found."),
            405: lambda: envelope("method_not_allowed", f'Method "{case.method}" not allowed.'),
            406: lambda: envelope("not_acceptable", "Could not satisfy the request Accept header."),
        }.get(answer.status)
        if answer.status == 200 and case.method == "OPTIONS":
            fixed = lambda: SCHEMA_OPTIONS
        if fixed:
            if reference:
                seen["body"] = b"" if case.method == "HEAD" else fixed()
                seen["content-type"], seen["content-length"] = ["application/json"], [str(len(fixed()))]
            # 11 names this header for the document alone
            seen.pop("content-disposition")
            return
        length = answer.headers.get("content-length")
        if case.method != "HEAD":
            if length != [str(len(answer.body))]:
                notes.append("content-length is not the body's")
            seen["body"] = document(answer)
        seen["content-length"] = "masked"

    def learn(self, case, answer):
        changes = case.method == "PATCH" and (b"active" in case.body or b"completion_url" in case.body)
        if changes and answer.status == 200 and (found := re.search(rb'"id":"([0-9a-f-]{36})"', answer.body)):
            self.touched.add(found[1])

    def differences(self, case, reference, outscout):
        self.learn(case, reference)
        expected, actual = self.view(reference, case, True), self.view(outscout, case, False)
        return [(name, expected.get(name), actual.get(name)) for name in expected | actual if expected.get(name) != actual.get(name)]


def document(answer):
    """The (F) parts of the schema document: the rest of it is (D) in 11."""
    try:
        whole = json.loads(answer.body)
        pretty = answer.body == json.dumps(whole, indent=4, ensure_ascii=False).encode()
        whole["paths"], whole["components"]["schemas"]
    except (ValueError, KeyError):
        return b"yaml, " + answer.body.split(b"\n")[0]
    operations = {}
    for path, methods in whole["paths"].items():
        if not path.startswith("/v1/"):
            continue
        for method, operation in methods.items():
            for content in operation["responses"]["200"]["content"].values():
                content.pop("example", None)
            ok = {media: schema if path != "/v1/schema/" else None for media, schema in operation["responses"]["200"]["content"].items()}
            ours = {"active", "status", "created_after", "updated_since", "search", "ordering", "Idempotency-Key", "If-Match", "If-None-Match"}
            parameters = {parameter["name"]: parameter for parameter in operation.get("parameters", [])
                          if parameter["name"] not in ours and parameter["name"] != "lang"}
            body = (operation.get("requestBody") or {}).get("content", {}).get("application/json")
            operations[f"{method} {path}"] = [operation["operationId"], operation["tags"], parameters, body, ok]
    components = {name: {"members": list(schema["properties"]), "required": sorted(schema.get("required", []))}
                  for name, schema in whole["components"]["schemas"].items() if name in ("Study", "PatchedStudy", "PaginatedStudyList")}
    text = {"openapi": whole["openapi"], "info": {name: whole["info"][name] for name in ("title", "version")},
            "operations": operations, "components": components, "indented by 4": pretty}
    return json.dumps(text, sort_keys=True).encode()


def limit(sides):
    """Case 24: 121 requests, one side after the other so that each stays within a second."""
    failed = 0
    for name, origin, keys in sides:
        case, start = Case("limit", "GET", f"{STUDY}01/", [auth()]), time.monotonic()
        answers = [send(origin, case, keys) for _ in range(121)]
        took = time.monotonic() - start
        statuses = [answer.status for answer in answers]
        # the seconds that passed since the first request count, and nothing else
        allowed = {60 - second for second in range(int(took) + 1)}
        last = answers[-1]
        wait = (last.headers.get("retry-after") or ["none"])[0]
        body = envelope("throttled", f"Request was throttled. Expected available in {wait} seconds.")
        if statuses != [200] * 120 + [429] or wait not in map(str, allowed) or last.body != body:
            failed += 1
            print(f"--- limit, {name}: {statuses.count(200)} times 200 in {took:.2f} s, then\n{last.text()}\n")
    print(f"{len(sides) - failed} passed, {failed} failed")
    return failed


def replay(sides, battery):
    """Runs the battery in order on both sides."""
    comparer, passed, failed, disputed, pairs = Comparer(), 0, 0, 0, []
    for case in battery:
        (_, origin, keys), (_, ours, our_keys) = sides
        # where a (D) rule reads a request as another one, stock is asked that other one
        first, second = send(origin, case.as_if or case, keys), send(ours, case, our_keys)
        wrong = DOCUMENT.fault(case.method, case.target, second.status, (second.headers.get("content-type") or [""])[0], second.body)
        if wrong and not case.disputed:
            failed += 1
            print(f"--- {case.label}: not as the document says: {wrong}\n{request(case, sides[1][2])!r}\n{second.text()}\n")
            continue
        if not (found := comparer.differences(case, first, second)):
            pairs.append((case, first, second))
            passed += 1
            continue
        if case.disputed:
            disputed += 1
            names = ", ".join(f"{name} {expected!r} / {actual!r}"[:160] for name, expected, actual in found[:2])
            print(f"disputed ({case.disputed}): {case.method} {case.target!r} {case.headers[-1]}: {names}")
            continue
        failed += 1
        print(f"--- {case.label}\n{request(case, sides[1][2])!r}")
        for name, expected, actual in found:
            print(f"    {name}: reference {expected!r}\n    {' ' * len(name)}  {sides[1][0]} {actual!r}")
        print(f"  the reference answered\n{first.text()}\n  {sides[1][0]} answered\n{second.text()}\n")
    failed += check(pairs)
    if disputed:
        print(f"{disputed} disputed, see README.md")
    print(f"{passed} passed, {failed} failed")
    return failed


def damages():
    """Ways to break an answer, each of which the comparer must notice: name, whether it fits the answer, the change."""
    def header(name, value):
        def change(answer):
            answer.headers[name] = value
        return change

    def swap(old, new):
        def change(answer):
            answer.body = answer.body.replace(old, new, 1)
        return change

    def status(answer):
        answer.status += 1

    def drop(name):
        return lambda answer: answer.headers.pop(name)

    def double(answer):
        answer.headers["content-type"] = answer.headers["content-type"] * 2

    yield "status", lambda answer, case: True, status
    for name in NAMED:
        if name == "retry-after":
            continue  # only the limit's case has one
        yield f"no {name}", lambda answer, case, name=name: name in answer.headers, drop(name)
        yield f"other {name}", lambda answer, case, name=name: name in answer.headers, header(name, ["x"])
    yield "a retry-after too many", lambda answer, case: answer.status == 200, header("retry-after", ["1"])
    yield "content-type twice", lambda answer, case: True, double
    yield "a challenge too many", lambda answer, case: answer.status == 403, header("www-authenticate", ["Api-Key"])
    yield "an allow too many", lambda answer, case: answer.status == 301, header("allow", ["GET"])
    yield "vary of the schema", lambda answer, case: case.target == "/v1/schema/", header("vary", ["Cookie"])
    for old, new in ((b'"count":25', b'"count":26'), (b'"next":null', b'"next":""'), (b'"active":true', b'"active":false'),
                     (b'"status":"open"', b'"status":"paused"'), (b'"updated_at":"2025-07-01T12:2', b'"updated_at":"2025-07-01T12:3'),
                     (b'"code":"invalid"', b'"code":"required"'), (b'"detail":"JSON parse error', b'"detail":"parse error'),
                     (b'"operationId": "studies_list"', b'"operationId": "x"'), (b"}", b"} ")):
        yield f"body {old!r}", lambda answer, case, old=old: old in answer.body and case.method != "HEAD", swap(old, new)


def check(pairs):
    """The self-check: each damage, done to each of outscout's answers that it fits, must show as a difference."""
    failed = 0
    for name, fits, change in damages():
        comparer, hits, missed = Comparer(), 0, []
        for case, first, second in pairs:
            comparer.learn(case, first)
            if not fits(second, case) or tolerated(name, case, second, comparer.touched):
                continue
            broken = copy.deepcopy(second)
            change(broken)
            hits += 1
            if not comparer.differences(case, first, broken):
                missed.append(f"{case.label} {case.target}")
        if missed or not hits:
            failed += 1
            print(f"--- self-check, {name}: unnoticed in {len(missed)} of {hits}: {missed[:5]}")
    print("self-check: every damage is noticed" if not failed else f"self-check: {failed} kinds of damage went unnoticed")
    return failed


def tolerated(name, case, answer, touched):
    """What the masks leave unseen on purpose, so that the self-check expects it."""
    document = case.target.partition("?")[0] == "/v1/schema/" and answer.status == 200 and case.method != "OPTIONS"
    if "content-length" in name and document and case.method == "HEAD":
        return True  # 11: the document has (D) parts, so its length differs
    if name == "body b'}'" and document:
        return b"openapi: 3" == answer.body[:10]  # of the YAML only the first line counts
    if "updated_at" in name:
        changed = re.search(rb'"id":"([0-9a-f-]{36})"[^{}]*"updated_at":"2025-07-01T12:2', answer.body)
        return changed[1] in touched  # 2: updated_at moves
    return False


def target(url):
    parts = urllib.parse.urlsplit(url)
    return parts.hostname, parts.port


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--reference", required=True)
    parser.add_argument("--outscout", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--reader", required=True)
    parser.add_argument("--limit", action="store_true", help="only the rate limit's case")
    options = parser.parse_args()
    sides = [("reference", target(options.reference), ("good", "reader")),
             ("outscout", target(options.outscout), (options.key, options.reader))]
    return 1 if (limit(sides) if options.limit else replay(sides, list(cases()))) else 0


if __name__ == "__main__":
    sys.exit(main())
