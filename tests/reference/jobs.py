"""A job with clients that are not ours: an event stream reader, csv, openpyxl and json, and the command line; each JSON
answer is held against the golden document."""
import argparse
import codecs
import csv
import io
import json
import os
import random
import subprocess
import sys
import time

import dnslib
import dnslib.server
import httpx
import httpx_sse
import openpyxl

import cells
import outsend


class Answers:
    """A name server: every domain takes mail on a host with an address, but for those that begin with `nx`."""

    def resolve(self, request, handler):
        reply = request.reply()
        name = request.q.qname
        if str(name).startswith("nx"):
            reply.header.rcode = dnslib.RCODE.NXDOMAIN
        elif request.q.qtype == dnslib.QTYPE.MX:
            # slowly, so that a stream has something to tell
            time.sleep(0.05)
            reply.add_answer(dnslib.RR(name, dnslib.QTYPE.MX, rdata=dnslib.MX(f"mx.{name}", 10), ttl=1))
        elif request.q.qtype == dnslib.QTYPE.A and str(name).startswith("mx."):
            reply.add_answer(dnslib.RR(name, dnslib.QTYPE.A, rdata=dnslib.A("93.184.216.35"), ttl=1))
        return reply


def name_server(port):
    server = dnslib.server.DNSServer(Answers(), port=port, address="127.0.0.1", logger=dnslib.server.DNSLogger(logf=lambda text: None))
    server.start_thread()


def rows(count):
    numbers = random.Random(1843)
    odd = ["=SUM(A1)", "+33612345678", "a;b", 'say "hi"', "two\nlines", " blanks ", "-1.5", "@x", "é\U0001f600", ""]
    for number in range(count):
        domain = f"nx{number % 90}.test" if number % 5 == 0 else f"site{number % 700}.test"
        yield {"email": f"user{number}@{domain}", "nom": numbers.choice(odd), "rating": numbers.random() * 5,
               "members": number, "open": number % 2 == 0, "tags": ["a", "b"] if number % 3 else None}


def events(client, path, last=None):
    headers = {} if last is None else {"Last-Event-ID": last}
    with httpx_sse.connect_sse(client, "GET", path, headers=headers) as source:
        assert source.response.status_code == 200
        # this reader also tells of the block that only says when to come back
        yield from (event for event in source.iter_sse() if event.data)


def follow(client, path):
    """Reads a job's stream to its end, hanging up twice on the way; the names of the events and the log lines."""
    names, lines, last, began, left = [], [], "0", time.monotonic(), 2
    while "done" not in names:
        statuses = 0
        for event in events(client, path, last):
            names.append(event.event)
            if event.event == "log":
                last = event.id
                lines.append(int(event.id))
            statuses += event.event == "status"
            if statuses == 2 and left and event.event == "status":
                left -= 1
                break
        assert time.monotonic() - began < 120
    return names, lines


def read_back(client, path):
    """The rows of the three formats, each by a reader of its own, in the form of a spreadsheet's cells."""
    def text(value):
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        return " | ".join(value) if isinstance(value, list) else str(value)

    plain = client.get(path).json()
    wanted = [[text(cell) for cell in row.values()] for row in plain]
    columns = list(plain[0])
    body = client.get(path, params={"format": "csv"}).content
    assert body.startswith(codecs.BOM_UTF8) and body.endswith(b"\r\n")
    found = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert found[0] == columns
    guarded = lambda cell: cell.startswith(tuple("=+-@\t\r")) and cell not in ("+33612345678", "-1.5")
    assert found[1:] == [["'" + cell if guarded(cell) else cell for cell in row] for row in wanted]
    book = openpyxl.load_workbook(io.BytesIO(client.get(path, params={"format": "xlsx"}).content))
    assert book.sheetnames == ["results"]
    sheet = list(book["results"].iter_rows(values_only=True))
    assert list(sheet[0]) == columns
    for row, cells in zip(plain, sheet[1:], strict=True):
        for name, cell in zip(columns, cells, strict=True):
            value = row[name]
            if isinstance(value, list):
                value = text(value)
            # an empty text and no text are one empty cell
            assert cell == value or (cell is None and value == ""), (name, cell, value)
            assert type(cell) is type(value) or cell is None or isinstance(value, (int, float)), (name, cell)
    return plain


def places(robot, control):
    """A search for places, at the stub in osm.py: an unknown zone, and one with two tiles."""
    refused = robot.call("POST", "/jobs", 422, {"queries": ["boulangerie"], "zones": ["Nowhere"]})
    assert refused["errors"] == [{"field": "zones.0", "message": "Unknown zone."}], refused
    job = robot.call("POST", "/jobs", 200, {"queries": ["Boulangeries"], "zones": ["Paris"]})
    assert (job["job_type"], job["grid_points_count"], job["ef_cost"]) == ("scrap", 2, 0.0), job
    began = time.monotonic()
    while job["status"] in ("pending", "running"):
        assert time.monotonic() - began < 60, job
        time.sleep(0.2)
        job = robot.call("GET", f"/jobs/{job['id']}", 200)
    assert (job["status"], job["results_count"], job["breakdown"]["by_zone"]) == ("done", 2, {"Paris": 2}), job
    rows = robot.call("GET", f"/jobs/{job['id']}/items", 200)["items"]
    assert [row["place_id"] for row in rows] == ["node/1", "way/2"], rows
    assert all(row["attribution"] == "© OpenStreetMap contributors (ODbL)" for row in rows)


def journey(base, control, outscout, folder):
    person = outsend.Client(base)
    body = {"email": "jobs@example.com", "password": "correct horse 1", "accept_responsibility": True}
    person.call("POST", "/auth/signup", 200, body)
    # keys need a verified address
    mail = outsend.mail_to(control, body["email"])
    person.call("POST", "/auth/verify-email", 200, {"token": outsend.token(mail)})
    key = person.call("POST", "/api-keys", 200, {"name": "jobs"})["key"]
    robot = outsend.Client(base, **{"X-API-Key": key})
    assert len(robot.call("GET", "/modules-registry", 200)["modules"]) == 18
    robot.call("POST", "/jobs/reviews", 503, {"items": [{"lien_google_maps": "https://maps.google.com/?cid=1"}]})
    places(robot, control)
    robot.call("POST", "/jobs/nonsense", 404, {})
    robot.call("POST", "/jobs/sort", 400, {})
    robot.call("POST", "/jobs/verify-emails", 422, {"items": [{"nom": "x"}]})
    items = list(rows(3000))
    job = robot.call("POST", "/jobs/verify-emails", 200, {"items": items})
    client = httpx.Client(base_url=base, headers={"X-API-Key": key}, timeout=30)
    names, lines = follow(client, f"/jobs/{job['id']}/stream")
    assert names[0] == "status" and names.count("done") == 1 and names[-2:] == ["status", "done"], names[-5:]
    assert lines == sorted(set(lines)), lines
    job = robot.call("GET", f"/jobs/{job['id']}", 200)
    assert (job["status"], job["results_count"], job["error_count"]) == ("done", 3000, 0), job
    assert job["breakdown"]["by_status"] == {"unknown": 2400, "invalid": 600}, job["breakdown"]
    found = read_back(client, f"/jobs/{job['id']}/download")
    assert [{name: row[name] for name in item} for row, item in zip(found, items, strict=True)] == items
    page = robot.call("GET", f"/jobs/{job['id']}/items?limit=10&offset=2995", 200)
    assert page["items"] == found[2995:] and page["total"] == 3000
    cells.check(robot, client)
    robot.call("GET", f"/jobs/{job['id']}/report", 404)
    robot.call("POST", f"/jobs/{job['id']}/cancel", 400)
    robot.call("POST", "/modules-registry/reviews/interest", 200, {"message": "please"})

    # the command line, from a file of rows to a file of results
    environment = {**os.environ, "OUTSCOUT_OUTSEND_URL": base, "OUTSCOUT_OUTSEND_KEY": key}
    def command(*arguments, code=0):
        done = subprocess.run([outscout, "job", *arguments], env=environment, cwd=folder, text=True, capture_output=True)
        assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout, done.stderr
    table = os.path.join(folder, "rows.csv")
    with open(table, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["E-mail", "Name"], ["a@site1.test", "A"], ["b@nx1.test", "B"], ["", "C"]])
    told, _ = command("create", "verify-emails", "--items", table, "--watch")
    assert "done: 2 rows" in told, told
    newest = json.loads(command("list", "--limit", "1", "--json")[0])
    assert (newest["status"], newest["breakdown"]["ignored"]) == ("done", 1), newest
    command("download", newest["id"], "--format", "csv")
    with open(os.path.join(folder, newest["output_filename"]), encoding="utf-8-sig", newline="") as file:
        assert [row["status"] for row in csv.DictReader(file, delimiter=";")] == ["unknown", "invalid"]
    _, error = command("cancel", newest["id"], code=1)
    assert "already ended with status done" in error, error
    command("watch", "j_01KSMB92NRM7N8P9Q0R1S2T3V4", code=3)
    robot.call("DELETE", f"/jobs/{job['id']}", 200)
    robot.call("GET", f"/jobs/{job['id']}", 404)
    person.call("GET", "/auth/export", 200)
    person.call("DELETE", "/auth/account", 200, {"password": "correct horse 1"})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--outsend", required=True)
    parser.add_argument("--control", required=True)
    parser.add_argument("--outscout", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--dns", type=int, required=True)
    options = parser.parse_args()
    name_server(options.dns)
    journey(options.outsend, options.control, options.outscout, options.folder)
    print("outsend: a job with readers of streams and tables that are not ours, and from the command line")
    sys.exit(0)
