"""Jobs: an export of very many rows, read back by other programs, and a chain of modules beside pandas, in one run."""
import argparse
import csv
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

import openpyxl
import pandas
import requests

ROOT = pathlib.Path(__file__).resolve().parent.parent
RELEASE = ROOT / "target/release"


class Server:
    """outscout on a data directory, with the functions as processes or not."""

    def __init__(self, data, *arguments):
        command = [RELEASE / "outscout", "serve", "--port", "0", "--data", data, "--no-demo", "--ready-json", *arguments]
        environment = {**os.environ, "OUTSCOUT_LOG": "warn"}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
        self.ready = json.loads(self.process.stdout.readline())
        self.url = self.ready["outsend"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def driver(*arguments):
    done = subprocess.run([RELEASE / "bench-jobs", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def peak(name):
    """Most memory in MiB that the process with this binary ever had."""
    for folder in pathlib.Path("/proc").iterdir():
        try:
            if (folder / "exe").resolve().name == name:
                line = next(l for l in (folder / "status").read_text().splitlines() if l.startswith("VmHWM"))
                return int(line.split()[1]) / 1024
        except (OSError, StopIteration):
            continue
    return float("nan")


def export(url, key, job, target, form):
    began = time.perf_counter()
    with requests.get(f"{url}/jobs/{job}/download", params={"format": form}, headers={"X-API-Key": key}, stream=True) as answer:
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
    assert found == by_jq == by_sheets and found[0] == rows, (found, by_jq, by_sheets)
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--table", type=int, default=200_000)
    options = parser.parse_args()
    email, password = "bench@example.com", "correct horse 1"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        data = folder / "data"
        server = Server(data)
        session = requests.Session()
        body = {"email": email, "password": password, "accept_responsibility": True}
        session.post(server.url + "/auth/signup", json=body).raise_for_status()
        key = session.post(server.url + "/api-keys", json={"name": "bench"}).json()["key"]

        print(f"## A chain over {options.table:,} rows beside pandas\n")
        table(folder / "table.csv", options.table)
        told = driver("chain", data, email, folder / "table.csv")
        first, whole = export(server.url, key, told["id"], folder / "chain.csv", "csv")
        frame, theirs = with_pandas(folder / "table.csv", folder / "pandas.csv")
        with open(folder / "chain.csv", encoding="utf-8-sig", newline="") as file:
            ours = [row["nom"] for row in csv.DictReader(file, delimiter=";")]
        assert ours == list(frame["Name"]), (len(ours), len(frame))
        print("| | outscout s | rows/s | pandas s | rows/s | ratio |\n| --- | --- | --- | --- | --- | --- |")
        steps = zip(["import", "filter", "sort", "export"], [told["import"], told["filter"], told["sort"], whole], theirs)
        total = [0, 0]
        for step, own, other in steps:
            total = [total[0] + own, total[1] + other]
            print(f"| {step} | {own:.2f} | {options.table / own:,.0f} | {other:.2f} | {options.table / other:,.0f} | {other / own:.3f} |")
        print(f"| all | {total[0]:.2f} | {options.table / total[0]:,.0f} | {total[1]:.2f} | {options.table / total[1]:,.0f} | {total[1] / total[0]:.3f} |")
        print(f"\n{told['rows']:,} rows came out of both, the same in the same order.\n")
        server.stop()

        print(f"## An export of {options.rows:,} rows\n")
        began = time.perf_counter()
        job = driver("seed", data, email, options.rows)["id"]
        print(f"committed in {time.perf_counter() - began:.0f} s, a thousand rows at a time.\n")
        server = Server(data, "--lambda", RELEASE)
        print("| format | first byte s | whole s | MB | rows/s | peak memory of the function MiB |\n| --- | --- | --- | --- | --- | --- |")
        for form in ("csv", "json", "xlsx"):
            first, whole = export(server.url, key, job, folder / form, form)
            size = (folder / form).stat().st_size / 1e6
            print(f"| {form} | {first:.3f} | {whole:.1f} | {size:.0f} | {options.rows / whole:,.0f} | {peak('outsend-jobs-download'):.0f} |")
        server.stop()
        sheets = read_back(folder, options.rows)
        print(f"\nRead back by csv, jq and openpyxl ({sheets} sheets): the same number of rows, and the same sum over them.")
        told = driver("units", data, email, job)
        print(f"\nStored: {told['bytes'] / told['rows'] * 1000 / 1024:.1f} KiB for 1,000 rows. Of 1,000 rows a commit consumes "
              f"{told['write_units'] / told['rows'] * 1000:.0f} write units (it is a transaction) and a reading {told['read_units'] / told['rows'] * 1000:.1f} read units.")


if __name__ == "__main__":
    main()
