"""Puts an example into each success response of the documents: what the operation answered in its wire test, as its snapshot
under tests/wire has it. Where a snapshot hides what differs from run to run, a value of that form stands. `render.py` runs it."""
import json
import pathlib
import re

HERE = pathlib.Path(__file__).parent
WIRE = HERE.parent / "tests/wire"
# operations whose snapshot is not named like their operationId
SNAPSHOTS = {
    "studies_partial_update": "studies-update",
    "well_known_jwks": "auth-jwks",
    "well_known_authorization_server": "oauth-metadata",
    "mcp_mcp": "mcp",
    "jobs_create_typed": "jobs-create",
}
# whose snapshot is of another operation of the same function, or of the document itself
WITHOUT = {("outsend", "jobs_create")} | {(api, "schema_retrieve") for api in ("outset", "outsend", "openscouter")}
ULID = "01jd5xk3q8v9w2m4n6p7r8s9t0"  # of Outsend in capitals
LETTERS = "example" * 8
# what tests/src/snapshot.rs writes where a value was, and a value of that form
HIDDEN = [
    (r"\[access token\]", "eyJhbGciOiJFZERTQSJ9.eyJleGFtcGxlIjp0cnVlfQ." + (LETTERS * 2)[:86]),
    (r"\[(os\w+_|oset_) and 43 characters\]", lambda found: found[1] + LETTERS[:43]),
    (r"\[43 characters\]", LETTERS[:43]),
    (r"\[16 characters\]", ULID[:16]),
    (r"\[8 characters\]", LETTERS[:8]),
    (r"\[4 characters\]", LETTERS[:4]),
    (r"\[(48|32|16) digits\]", lambda found: ("0123456789abcdef" * 3)[:int(found[1])]),
    (r"\[request id\]|\[UUID\]", "5b1d1f0e-3c2a-4f6b-8d7e-9a0b1c2d3e4f"),
    (r"\[time with milliseconds\]", "2026-11-02T09:30:00.000Z"),
    (r"\[time with microseconds\]", "2026-11-02T09:30:00.000000Z"),
    (r"\[time in the session\]", "00:01:30"),
    (r"\[time\]", "2026-11-02T09:30:00Z"),
    (r"\[minute\]", "2026-11-02 09:30 UTC"),
    (r"\[date\]", "20261102"),
    (r"(\"client_id_issued_at\": )\[seconds\]", r"\g<1>1793957400"),
    (r"\[(seconds|milliseconds|count)\]", "12"),
    (r"\[([a-z]+) id\]", lambda found: f"{found[1]}_{ULID}"),
]


def answer(path):
    """Status, media type and body of a snapshot."""
    _, _, text = path.read_text().split("---\n", 2)
    head, _, body = text.partition("\n\n")
    status, *headers = head.splitlines()
    names = dict(line.split(": ", 1) for line in headers)
    for form, value in HIDDEN:
        body = re.sub(form, value, body)
    if "/outsend/" in path.as_posix():
        body = body.replace(ULID, ULID.upper())
    return status, names.get("content-type", ""), body.rstrip("\n")


def fill(api, document):
    """Puts the examples of one document in, in place of those that it had."""
    for methods in document["paths"].values():
        for operation in methods.values():
            name = operation["operationId"]
            for status, response in operation["responses"].items():
                for content in response.get("content", {}).values() if status[0] == "2" else ():
                    content.pop("example", None)
            path = WIRE / api / "snapshots" / f"{SNAPSHOTS.get(name, name.replace('_', '-'))}.snap"
            if path.exists() and (api, name) not in WITHOUT:
                put(operation, *answer(path))


def put(operation, status, kind, body):
    content = operation["responses"].get(status, {}).get("content", {})
    found = next((value for name, value in content.items() if name.partition(";")[0] == kind.partition(";")[0]), None)
    # pages are for people: their text is no part of the API
    if found is None or not body or kind.startswith("text/html"):
        return
    found["example"] = json.loads(body) if kind.endswith("json") else body
