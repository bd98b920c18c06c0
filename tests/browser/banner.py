"""Runs the lines that a first start prints, as they are, in one shell: banner.py FILE"""
import json
import pathlib
import subprocess
import sys


def main(file):
    text = pathlib.Path(file).read_text()
    assert "note:" not in text, text
    _, _, rest = text.partition("\ntry it\n")
    lines, _, rest = rest.partition("\nor open it in a browser\n")
    lines = [line.strip() for line in lines.splitlines() if line.startswith("  ")]
    assert len(lines) == 7, lines
    # an empty line tells the answers apart
    script = "\n".join(line if line.startswith("TOKEN=") else f"{line}; echo; echo" for line in lines)
    done = subprocess.run(["sh", "-eu"], input=script, text=True, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    studies, me, rows, proposal, session, report = map(json.loads, done.stdout.split("\n\n")[:6])
    assert "Checkout on a phone" in [study["name"] for study in studies["results"]], studies
    assert me["user"]["email_verified"], me
    assert [row["category"] for row in rows["items"]] == ["disposable", "suspect", "syntax"], rows
    assert proposal["data"]["status"] == "accepted", proposal
    assert session["data"]["status"] == "confirmed", session
    found = {finding["type"] for finding in report["data"]["findings"]}
    assert report["data"]["status"] == "complete" and {"rage_click", "error_burst", "confusion"} <= found, report
    assert report["data"]["pageUrl"].startswith("http://127.0.0.1:"), report
    print(f"the {len(lines)} lines of the banner lead to a report with {len(report['data']['findings'])} findings")


main(sys.argv[1])
