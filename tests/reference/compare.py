"""Replays the battery against the reference server and outscout and prints every difference."""
import argparse
import http.client
import io
import json
import re
import socket
import sys
import urllib.parse

from battery import Case, STUDY, auth, cases

SECURITY = ["x-content-type-options", "x-frame-options", "referrer-policy", "cross-origin-opener-policy"]
NAMED = ["content-type", "allow", "www-authenticate", "location", "retry-after"]


class Sock(io.BytesIO):
    def makefile(self, *_):
        return self


def send(origin, case, keys):
    """One raw request on a connection of its own."""
    host, port = origin
    fill = lambda text: text.replace("{K}", keys[0]).replace("{R}", keys[1])
    target = "".join(c if 0x20 < ord(c) < 0x7F else urllib.parse.quote(c) for c in fill(case.target))
    headers = [("Host", "api.test"), ("X-Forwarded-Proto", "https"), ("Connection", "close")]
    headers += [(name, fill(value)) for name, value in case.headers]
    if case.body or case.method in ("POST", "PUT", "PATCH"):
        headers.append(("Content-Length", str(len(case.body))))
    head = f"{case.method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
    with socket.create_connection((host, port), timeout=30) as connection:
        connection.sendall(head.encode("latin-1") + case.body)
        data = b""
        while part := connection.recv(65536):
            data += part
    response = http.client.HTTPResponse(Sock(data), method=case.method)
    response.begin()
    found = {}
    for name, value in response.getheaders():
        found.setdefault(name.lower(), value)
    return response.status, found, response.read()


def body_of(body):
    """(D) 2: `updated_at` moves, and `status` follows `active`; stock knows neither."""
    body = re.sub(rb'("updated_at": ?)"[^"]*"', rb'\1"*"', body)
    return re.sub(rb'("status": ?)"(draft|open|in_progress|paused|completed|closed)"', rb'\1"*"', body)


def parse_error(body):
    """Outset 4.2: only the beginning of a parse error's text counts."""
    return re.sub(rb'(JSON parse error - )(?:[^"\\]|\\.)*', rb"\1*", body)


def view(case, answer):
    """What of an answer is compared; each mask names its rule."""
    status, headers, body = answer
    seen = {name: headers.get(name) for name in NAMED + SECURITY}
    body = parse_error(body_of(body))
    length = headers.get("content-length")
    if status == 404 and "unrouted" in case.mask:
        # (D) 4.3: HTML bodies of unrouted paths
        return {"status": status}
    if "schema" in case.mask:
        # (D) 11: error rendering and parts of the document
        seen = {"content-type": headers.get("content-type") if status == 200 else None, "vary": headers.get("vary") if status == 200 else None,
                "allow": headers.get("allow")}
        return {"status": status} | seen
    if "body" in case.mask:
        # (D) 7.3, 11: OPTIONS and errors of the schema
        return {"status": status, "allow": seen["allow"]}
    if status == 301:
        # (D) 7.2: the rebuilt query has the same parameters
        path, _, query = (seen["location"] or "").partition("?")
        seen["location"] = path, sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
        length = None
        # (D) 13.1: security headers also where stock omits one
        for name in SECURITY:
            seen.pop(name)
    if case.method == "HEAD" and "length" not in case.mask and status != 301:
        seen["content-length"] = length
    return {"status": status, "body": body} | seen


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
    sides = [(target(options.reference), ("good", "reader")), (target(options.outscout), (options.key, options.reader))]
    passed = failed = 0
    battery = [Case(f"limit {n}", "GET", f"{STUDY}04/", [auth()]) for n in range(121)] if options.limit else list(cases())
    for case in battery:
        answers = [send(origin, case, keys) for origin, keys in sides]
        expected, actual = (view(case, answer) for answer in answers)
        if options.limit:
            # seconds may have passed since the first request
            for seen in (expected, actual):
                seen["retry-after"] = bool(seen["retry-after"])
                seen["body"] = re.sub(rb"\d+ seconds?", b"n seconds", seen["body"])
        if expected == actual:
            passed += 1
            continue
        failed += 1
        print(f"--- {case.label}: {case.method} {case.target} {case.headers} {case.body!r}")
        for name in expected.keys() | actual.keys():
            if expected.get(name) != actual.get(name):
                print(f"    {name}: reference {expected.get(name)!r}\n    {' ' * len(name)}  outscout  {actual.get(name)!r}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
