"""Placement checks at Dovecot: it keeps two mailboxes, one reached in the clear and one by TLS under a certificate of its own; mails
are put into their Maildirs while a job of the built outscout waits for them:
    python imap.py --outscout PROGRAM --folder DIR [--lambda DIR]"""
import argparse
import contextlib
import email.header
import getpass
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time
import uuid

import httpx

import outsend

PASSWORD = 'pass "word" \\ é'
CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
first_valid_uid = 0
mail_location = maildir:{folder}/mail/%n
auth_mechanisms = plain
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
passdb {{
  driver = passwd-file
  args = username_format=%n {folder}/passwd
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%n
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Junk {{
    auto = create
    special_use = \\Junk
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {tls}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


def ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def certificates(folder):
    """An authority of our own, and the certificate of 127.0.0.1 that it signs."""
    run = lambda *words: subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=seeds", "-keyout", "ca.key", "-out", "ca.pem")
    run("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=seeds.test", "-keyout", "server.key", "-out", "server.csr")
    (folder / "server.ext").write_text("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n")
    run("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "server.ext", "-out", "server.pem")


@contextlib.contextmanager
def dovecot(folder):
    """Runs Dovecot over a folder; its two ports."""
    folder.mkdir()
    folder.chmod(0o755)
    certificates(folder)
    plain, tls = ports(2)
    user, group = ("dovenull", "dovecot") if os.getuid() == 0 else (getpass.getuser(),) * 2
    owner = (os.getuid(), os.getgid()) if os.getuid() else (1000, 1000)
    (folder / "passwd").write_text("".join(f"{name}:{{PLAIN}}{PASSWORD}\n" for name in ("one", "two")))
    (folder / "mail").mkdir()
    os.chown(folder / "mail", *owner)
    configuration = folder / "dovecot.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, user=user, group=group, uid=owner[0], gid=owner[1], plain=plain, tls=tls))
    server = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", configuration])
    try:
        for port in (plain, tls):
            for _ in range(100):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                time.sleep(0.1)
            else:
                raise AssertionError((folder / "dovecot.log").read_text())
        yield plain, tls
    finally:
        server.terminate()
        server.wait(30)


def deliver(folder, name, box, sender, subject, at, raw=False):
    """Puts a mail into a Maildir as a delivery agent does: in `tmp`, then `new`; when it arrived is the file's time."""
    root = folder / "mail" / name / ("" if box == "INBOX" else f".{box}")
    told = subject if raw else email.header.Header(subject, "utf-8").encode()
    # nobody may have looked into it yet
    for made in (root.parent, root, *(root / part for part in ("cur", "new", "tmp"))):
        made.mkdir(parents=True, exist_ok=True)
        if os.getuid() == 0:
            os.chown(made, 1000, 1000)
    file = root / "new" / f"{int(at)}.{uuid.uuid4().hex}.seeds"
    written = root / "tmp" / file.name
    written.write_bytes(f"From: {sender}\r\nTo: {name}@seed.test\r\nSubject: {told}\r\n\r\nHello\r\n".encode())
    os.utime(written, (at, at))
    if os.getuid() == 0:
        os.chown(written, 1000, 1000)
    written.rename(file)
    return file


@contextlib.contextmanager
def outscout(program, folder, binaries, seeds):
    ready = folder / "ready.json"
    environment = dict(os.environ, OUTSCOUT_SEED_MAILBOXES=json.dumps(seeds), SSL_CERT_FILE=str(folder / "dovecot" / "ca.pem"))
    words = [program, "serve", "--port", "0", "--data", folder / "data", "--no-demo", "--ready-json", *binaries]
    with open(ready, "w") as out, open(folder / "outscout.log", "w") as log:
        server = subprocess.Popen(words, stdout=out, stderr=log, env=environment)
    try:
        for _ in range(300):
            if ready.stat().st_size:
                break
            time.sleep(0.1)
        yield json.loads(ready.read_text())
    finally:
        server.terminate()
        server.wait(30)


def wait(told, until):
    began = time.monotonic()
    while not until(found := told()):
        assert time.monotonic() - began < 60, found
        time.sleep(0.6)
    return found


def journey(options):
    folder = pathlib.Path(options.folder).resolve() / "imap"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    folder.chmod(0o755)
    binaries = ["--lambda", options.binaries] if options.binaries else []
    with dovecot(folder / "dovecot") as (plain, tls):
        seed = lambda name, **more: {"email": f"{name}@seed.test", "kind": "dovecot", "host": "127.0.0.1", "password": PASSWORD, **more}
        # a function's process gets no certificates of ours: with binaries the other mailbox goes without, too
        way = {"port": plain, "tls": False} if binaries else {"port": tls}
        seeds = [seed("one", port=plain, tls=False), seed("two", user="two", **way), seed("bad", **way), seed("gone", port=1)]
        with outscout(options.outscout, folder, binaries, seeds) as ready:
            check(options.outscout, ready["outsend"], ready["control"], folder)
        log = (folder / "outscout.log").read_text()
        assert PASSWORD not in log and "pass " not in log, "a password is in the log"
    print("placement checks at Dovecot: passed")


def check(program, base, control, folder):
    boxes = folder / "dovecot"
    key = user(base, control)
    robot = outsend.Client(base, **{"X-API-Key": key})
    entry = next(entry for entry in robot.call("GET", "/modules-registry", 200)["modules"] if entry["slug"] == "delivery_check")
    assert entry["alpha_unavailable"] is False, entry
    robot.call("POST", "/jobs/delivery-check", 422, {"domain": "n@acme.test"})
    def advance(seconds):
        """Moves the clock, and lets the minute's sweep take up what is due by then."""
        httpx.post(f"{control}/_local/clock", json={"advance_seconds": seconds}, timeout=60).raise_for_status()
        httpx.post(f"{control}/_local/schedules/background-work", json={}, timeout=60).raise_for_status()

    # the command line makes the job
    words = [program, "job", "create", "delivery-check", "--domain", "ACME.test", "--subject", "été", "--json"]
    environment = {**os.environ, "OUTSCOUT_OUTSEND_URL": base, "OUTSCOUT_OUTSEND_KEY": key}
    made = subprocess.run(words, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout
    job = json.loads(made)["id"]
    report = lambda: robot.call("GET", f"/jobs/{job}/report", 200)
    first = wait(report, lambda told: told["total"] == 4)
    assert {"received": 0, "inbox": 0, "spam": 0, "pending": 4, "domain": "acme.test"}.items() <= first.items(), first
    # the first look is over, and made the folders
    wait(lambda: robot.call("GET", f"/jobs/{job}", 200), lambda told: told["total_attempts_count"] == 4)
    started = time.time()
    subject = "L'offre d'ÉTÉ"
    files = [
        deliver(boxes, "one", "INBOX", "n@acme.test", subject + " d'avant", started - 3600),
        deliver(boxes, "one", "INBOX", "n@acme.test", "Hiver", started + 1),
        deliver(boxes, "one", "INBOX", "n@notacme.test", subject, started + 1),
        deliver(boxes, "one", "INBOX", '"Les news" <n@mail.acme.test>', subject, started + 1),
        deliver(boxes, "two", "Junk", "n@acme.test", subject, started + 1, raw=True),
        deliver(boxes, "two", "INBOX", "n@acme.test", subject + " 2", started + 150),
    ]
    advance(31)
    second = wait(report, lambda told: told["received"] == 2)
    assert (second["inbox"], second["spam"], second["pending"]) == (1, 1, 2), second
    rows = [(row["seed_email"], row["status"], row["placement"], row["subject"], row["received_relative"]) for row in second["seeds"]]
    assert rows == [
        ("one@seed.test", "received", "Inbox principal", subject, "< 1 min"), ("two@seed.test", "received", "Spam", subject, "< 1 min"),
        ("bad@seed.test", "", "", "", ""), ("gone@seed.test", "", "", "", ""),
    ], rows
    assert robot.call("GET", f"/jobs/{job}", 200)["status"] == "running"
    # two mailboxes are never seen: it ends by the clock
    advance(900)
    done = wait(lambda: robot.call("GET", f"/jobs/{job}", 200), lambda told: told["status"] == "done")
    assert (done["processed_points"], done["results_count"], done["error_count"], done["ef_cost"]) == (4, 4, 2, 0), done
    assert robot.call("GET", f"/jobs/{job}/items", 200)["items"] == second["seeds"]
    assert report()["seeds"] == second["seeds"]
    lines = httpx.get(f"{base}/jobs/{job}/download?format=csv", headers={"X-API-Key": key}).content.decode("utf-8-sig").split("\r\n")
    assert lines[0] == "seed_email;seed_kind;status;placement;subject;received_relative", lines
    assert lines[1] == f"one@seed.test;dovecot;received;Inbox principal;{subject};< 1 min", lines
    # nothing was read, as the flags of their names would say: Dovecot moves what it has listed from `new` to `cur`
    for file in files:
        [left] = [*file.parent.parent.glob(f"*/{file.name}*")]
        assert "S" not in left.name.partition(":2,")[2], left


def user(base, control):
    """A new user's key."""
    person = outsend.Client(base)
    body = {"email": "seeds@example.com", "password": "correct horse 1", "accept_responsibility": True}
    person.call("POST", "/auth/signup", 200, body)
    # keys need a verified address
    person.call("POST", "/auth/verify-email", 200, {"token": outsend.token(outsend.mail_to(control, body["email"]))})
    return person.call("POST", "/api-keys", 200, {"name": "seeds"})["key"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outscout", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--lambda", dest="binaries")
    journey(parser.parse_args())
