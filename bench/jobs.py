"""Jobs: an export of very many rows, read back by other programs, and a chain of modules beside pandas, in one run."""
import argparse
import csv
import json
import pathlib
import random
import re
import subprocess
import tempfile
import time

import openpyxl
import pandas
import requests

from servers import PATIENCE, RELEASE, Missed, Outscout, Rows, own_cpu, peak, run

EMAIL = "bench@example.com"


def sign_up(server):
    """A key of a new account, whose address is verified."""
    session, url = requests.Session(), server.ready["outsend"]

    def post(path, body):
        answer = session.post(url + path, json=body, timeout=PATIENCE)
        answer.raise_for_status()
        return answer.json()

    post("/auth/signup", {"email": EMAIL, "password": "correct horse 1", "accept_responsibility": True})
    post("/auth/verify-email", {"token": mailed_token(server)})
    return post("/api-keys", {"name": "bench"})["key"]


def mailed_token(server):
    """The token of the first mail, which is sent after the answer."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        for mail in requests.get(server.ready["control"] + "/_local/mail", timeout=PATIENCE).json():
            return re.search(r"\?token=([A-Za-z0-9_-]{43})", mail["text"])[1]
        time.sleep(0.05)
    raise Missed("no mail to verify the address")


def driver(command, data, what):
    """What `bench-jobs` tells of the account's job."""
    return json.loads(run([RELEASE / "bench-jobs", command, data, EMAIL, what]))


def peak_of(name):
    """Most memory in MiB that the process with this binary ever had."""
    for folder in pathlib.Path("/proc").iterdir():
        try:
            if (folder / "exe").resolve() == RELEASE / name:
                return peak(folder.name)
        except (OSError, StopIteration):
            continue
    raise Missed(f"no process of {name}")


def export(server, key, job, target, form):
    """Seconds to the first byte and to the last one."""
    url, headers = f"{server.ready['outsend']}/jobs/{job}/download", {"X-API-Key": key}
    began = time.perf_counter()
    with requests.get(url, params={"format": form}, headers=headers, stream=True, timeout=PATIENCE) as answer:
        answer.raise_for_status()
        first = None
        with open(target, "wb") as file:
            for piece in answer.iter_content(1 << 16):
                first = first or time.perf_counter() - began
                file.write(piece)
    return first, time.perf_counter() - began


def read_back(folder, rows):
    """Rows and a sum of each format, each by a reader of its own; they must be the same."""
    with open(folder / "csv", encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, delimiter=";")
        found = [0, 0]
        for row in reader:
            found[0] += 1
            found[1] += int(row["reviews_count"])
    filter_ = "reduce inputs as $row ([0, 0]; [.[0] + 1, .[1] + $row.reviews_count])"
    lines = (line.rstrip(",\n") for line in open(folder / "json"))
    jq = subprocess.Popen(["jq", "-cn", filter_], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for line in lines:
        line = line.lstrip("[").removesuffix("]")
        if line.strip():
            jq.stdin.write(line + "\n")
    jq.stdin.close()
    by_jq = json.loads(jq.stdout.read())
    book = openpyxl.load_workbook(open(folder / "xlsx", "rb"), read_only=True)
    by_sheets = [0, 0]
    for sheet in book.worksheets:
        lines = sheet.iter_rows(values_only=True)
        place = next(lines).index("reviews_count")
        for line in lines:
            by_sheets[0] += 1
            by_sheets[1] += line[place]
    if not (found == by_jq == by_sheets and found[0] == rows):
        raise Missed(f"{rows} rows were read as {found}, {by_jq}, {by_sheets}")
    return len(book.worksheets)


def table(path, rows):
    numbers = random.Random(1815)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Name", "E-mail", "Phone", "Website", "City", "Note", "Avis"])
        for number in range(rows):
            mixed = numbers.randrange(rows)
            phone = f"01 45 {mixed % 100:02} {mixed // 100 % 100:02} 00" if mixed % 3 else ""
            writer.writerow([f"Company {number}", f"user{mixed}@site{mixed % 999}.example", phone, f"https://site{mixed % 999}.example/",
                             "Paris", f"{mixed % 50 / 10:.1f}", mixed % 900])


def with_pandas(path, target):
    began = time.perf_counter()
    frame = pandas.read_csv(path, dtype=str, keep_default_na=False)
    read = time.perf_counter()
    kept = frame[(frame["Phone"].str.strip() != "") & (pandas.to_numeric(frame["Note"]) >= 2.5)]
    address = kept["E-mail"].str.strip().str.lower()
    kept = kept[~address.duplicated()]
    filtered = time.perf_counter()
    ordered = kept.assign(key=pandas.to_numeric(kept["Avis"])).sort_values("key", ascending=False, kind="stable").drop(columns="key")
    ordered_at = time.perf_counter()
    ordered.to_csv(target, sep=";", index=False, encoding="utf-8-sig", lineterminator="\r\n")
    return ordered, [read - began, filtered - read, ordered_at - filtered, time.perf_counter() - ordered_at]


STEPS = ("import", "filter", "sort", "export")


def chain(server, key, folder):
    """Seconds of each step for outscout and for pandas, the rows that came out of both, and seconds of the processor for each."""
    began = server.cpu() + own_cpu()
    told = driver("chain", server.data, folder / "table.csv")
    _, whole = export(server, key, told["id"], folder / "chain.csv", "csv")
    ended, alone = server.cpu() + own_cpu(), own_cpu()
    frame, theirs = with_pandas(folder / "table.csv", folder / "pandas.csv")
    cpu = ended - began, own_cpu() - alone
    with open(folder / "chain.csv", encoding="utf-8-sig", newline="") as file:
        names = [row["nom"] for row in csv.DictReader(file, delimiter=";")]
    if names != list(frame["Name"]):
        raise Missed(f"{len(names)} rows of outscout are not the {len(frame)} of pandas")
    return [*(told[step] for step in STEPS[:3]), whole], theirs, len(names), cpu


def chain_table(server, key, folder, rows):
    table(folder / "table.csv", rows)
    ours, theirs, came, _ = chain(server, key, folder)
    print("| | outscout s | rows/s | pandas s | rows/s | ratio |\n| --- | --- | --- | --- | --- | --- |")
    for step, own, other in zip([*STEPS, "all"], [*ours, sum(ours)], [*theirs, sum(theirs)]):
        print(f"| {step} | {own:.2f} | {rows / own:,.0f} | {other:.2f} | {rows / other:,.0f} | {other / own:.3f} |")
    print(f"\n{came:,} rows came out of both, the same in the same order.\n")


def export_line(server, key, job, folder, form, rows):
    first, whole = export(server, key, job, folder / form, form)
    size = (folder / form).stat().st_size / 1e6
    print(f"| {form} | {first:.3f} | {whole:.1f} | {size:.0f} | {rows / whole:,.0f} | {peak_of('outsend-jobs-download'):.0f} |", flush=True)


def read_back_line(folder, rows):
    print(f"\nRead back by csv, jq and openpyxl ({read_back(folder, rows)} sheets): the same number of rows, and the same sum over them.")


def units_line(data, job):
    told = driver("units", data, job)
    print(f"\nStored: {told['bytes'] / told['rows'] * 1000 / 1024:.1f} KiB for 1,000 rows. Of 1,000 rows a commit consumes "
          f"{told['write_units'] / told['rows'] * 1000:.0f} write units (it is a transaction) and a reading {told['read_units'] / told['rows'] * 1000:.1f} read units.")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--table", type=int, default=200_000)
    options = parser.parse_args()
    with Rows() as rows, tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        data = folder / "data"
        with Outscout(data, OUTSCOUT_LOG="warn") as server:
            key = sign_up(server)
            print(f"## A chain over {options.table:,} rows beside pandas\n")
            rows.attempt("the chain", chain_table, server, key, folder, options.table)
            rows.idle(server, "after the chain")

        print(f"## An export of {options.rows:,} rows\n")
        began = time.perf_counter()
        job = driver("seed", data, options.rows)["id"]
        print(f"committed in {time.perf_counter() - began:.0f} s, a thousand rows at a time.\n")
        with Outscout(data, "--lambda", RELEASE, OUTSCOUT_LOG="warn") as server:
            print("| format | first byte s | whole s | MB | rows/s | peak memory of the function MiB |\n| --- | --- | --- | --- | --- | --- |")
            for form in ("csv", "json", "xlsx"):
                rows.attempt(f"the export as {form}", export_line, server, key, job, folder, form, options.rows)
            print()
            rows.idle(server, "after the exports")
        rows.attempt("the files", read_back_line, folder, options.rows)
        rows.attempt("the units", units_line, data, job)


if __name__ == "__main__":
    main()
