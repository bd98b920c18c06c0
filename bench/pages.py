"""Pages that a core fetches, decodes and reads in a second: the engine, and httpx with selectolax and with BeautifulSoup, in one run."""
import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import sys

from servers import RELEASE, Server, run

HERE = pathlib.Path(__file__).parent
DRIVER = RELEASE / "bench-pages"
NAMES = {"outscout": [DRIVER, "read"], "httpx + selectolax": [sys.executable, HERE / "pages_reference.py", "selectolax"],
         "httpx + BeautifulSoup": [sys.executable, HERE / "pages_reference.py", "beautifulsoup"]}


def read(command, port, pages, total, hosts):
    """What a reader told that has the first core to itself, with the processor time that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = json.loads(run(["taskset", "-c", 0, *command, port, pages, total, hosts]))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Python tells its own, without the start of its interpreter
    return {"cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime} | told


def measured(options, times):
    """Pages per second, by the clock and by the processor, of each reader in each round."""
    rounds = {name: [] for name in NAMES}
    server = ["taskset", "-c", 1, DRIVER, "serve", options.pages, times]
    with Server(server, stdin=subprocess.PIPE) as served:
        port, pages = served.process.stdout.readline().split()
        for _ in range(options.rounds):
            for name, command in NAMES.items():
                passes = options.passes if name == "outscout" else 1
                before = served.cpu()
                told = read(command, int(port), int(pages), passes * int(pages), options.hosts)
                rounds[name].append(told | {"server": (served.cpu() - before) / told["seconds"], "passes": passes})
    return rounds


def table(rounds):
    print("| | pages/s | pages per CPU s | CPU time beside outscout, each round | links | letters | addresses | server |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, all_told in rounds.items():
        middle = [statistics.median(told["pages"] / told[of] for told in all_told) for of in ("seconds", "cpu")]
        ours = [told["pages"] / told["cpu"] for told in rounds["outscout"]]
        ratios = " ".join(f"{one / (told['pages'] / told['cpu']):.1f}" for one, told in zip(ours, all_told))
        last = all_told[-1]
        found = " | ".join(f"{last[of] // last['passes']:,}" for of in ("links", "letters", "addresses"))
        print(f"| {name} | {middle[0]:,.0f} | {middle[1]:,.0f} | {ratios} | {found} | {last['server']:.0%} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pages", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--passes", type=int, default=10, help="how often the engine reads what the others read once")
    parser.add_argument("--hosts", type=int, default=16)
    parser.add_argument("--times", type=int, nargs="+", default=[1, 20], help="how often a page stands in a row, to be a larger one")
    options = parser.parse_args()
    files = list(options.pages.glob("*.html"))
    size = sum(file.stat().st_size for file in files) / len(files) / 1024
    for times in options.times:
        print(f"\n{len(files):,} pages of {size * times:.1f} KiB:\n")
        table(measured(options, times))


if __name__ == "__main__":
    main()
