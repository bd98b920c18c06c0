"""What each endpoint takes and costs: reads the notes that the wire tests made of the real binaries, and the peers' figures.

    cost.py NOTES FIGURES [--write]

NOTES has a line of JSON for each invocation (tests/src/notes.rs), FIGURES what peers.py measured. It prints the tables of docs/cost.md, or
writes them there.
"""
import collections
import json
import pathlib
import statistics
import sys
import tomllib

import project

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "cost.md"
HELLO = "bench-hello"
AUTHORIZER = "background-authorizer"
MILLION = 1_000_000
# the most that a million GETs may cost which read what they show and whose it is, and no more
MOST_OF_GETS = 5.00
# such GETs: of a study, of who asks; and one that reads an object more
SHOWN = {"outset-studies-retrieve": "a study of Outset", "openscouter-auth-me": "who asks, of OpenScouter", "outsend-jobs-get": "a job of Outsend"}
BOUND = list(SHOWN)[:2]
settings = tomllib.loads((ROOT / "bench" / "prices.toml").read_text())
PRICES, MODEL = settings["prices"], settings["model"]

Endpoint = collections.namedtuple("Endpoint", "name methods memory start start_cpu warm cpu peak steps calls reads writes notes")


def methods():
    """Methods, without the gateway's own, and memory in MB by crate name."""
    found = {}
    for api in project.APIS:
        served = collections.defaultdict(set)
        for (_, method), crate in project.routes(api).items():
            served[crate].add(method)
        for crate, (_, _, properties) in project.functions(api).items():
            found[crate] = ("/".join(sorted(served[crate] - {"OPTIONS", "HEAD"})) or "any", properties["MemorySize"])
    for resource in project.of_type(project.FUNCTION).values():
        properties = resource["Properties"]
        found[pathlib.PurePosixPath(properties["CodeUri"]).name] = ("", properties["MemorySize"])
    return found


def typical(values):
    return statistics.median(values) if values else None


def endpoint(name, methods, memory, notes):
    """What one endpoint took: of its successes, or of its refusals where it has nothing else."""
    good = [note for note in notes if note["status"] < 400] or notes
    first, warm = [note for note in good if note["first"]], [note for note in good if not note["first"]]
    # what only a new process asks of the store is no part of a usual request
    usual = warm or first

    def of(notes, figure):
        return typical([note[figure] for note in notes])

    return Endpoint(name, methods, memory, of(first, "own_ms"), of(first, "cpu_ms"), of(warm, "own_ms"), of(warm, "cpu_ms"),
                    of(good, "peak_kib") / 1024, *(of(usual, figure) for figure in ("steps", "calls", "reads", "writes")), len(good))


def paid_ms(cpu, steps, memory):
    """How long Lambda counts an invocation: its processor time on its share of one, and its waits for the store."""
    return max(1.0, cpu / min(1.0, memory / MODEL["processor_mb"]) + steps * MODEL["store_step_ms"])


def dollars(endpoint):
    """Of a million requests, by who is paid: the function and the store."""
    cpu = endpoint.cpu if endpoint.cpu is not None else endpoint.start_cpu
    start = endpoint.start_cpu if endpoint.start_cpu is not None else cpu
    cold = MODEL["cold_share"]
    milliseconds = (1 - cold) * paid_ms(cpu, endpoint.steps, endpoint.memory) + cold * paid_ms(start, endpoint.steps, endpoint.memory)
    function = PRICES["lambda_request"] + milliseconds / 1e3 * endpoint.memory / 1024 * PRICES["lambda_gb_second"]
    store = endpoint.reads * PRICES["read_unit"] + endpoint.writes * PRICES["write_unit"]
    return function * MILLION, store * MILLION


def number(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"


def ratio(value, hello):
    return "-" if value is None or not hello else f"{value / hello:.1f}"


def endpoints_table(endpoints, hello, authorizer):
    gateway = PRICES["gateway_request"] * MILLION
    yield "| endpoint | | start ms | warm ms | memory MiB | to hello | processor ms: start, warm | steps | calls | read units | write units | function $ | store $ | in all $ |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for one in endpoints:
        function, store = dollars(one)
        ratios = " / ".join(ratio(getattr(one, name), getattr(hello, name)) for name in ("start", "warm", "peak"))
        yield (f"| {one.name} | {one.methods} | {number(one.start, 1)} | {number(one.warm)} | {number(one.peak, 1)} | {ratios} "
               f"| {number(one.start_cpu, 1)}, {number(one.cpu)} | {number(one.steps, 0)} | {number(one.calls, 0)} | {number(one.reads, 1)} "
               f"| {number(one.writes, 1)} | {function:.2f} | {store:.2f} | {gateway + authorizer + function + store:.2f} |")


def parts_table(gets, authorizer):
    gateway = PRICES["gateway_request"] * MILLION
    yield "| GET | gateway $ | authorizer $ | function $ | store $ | in all $ |"
    yield "| --- | --- | --- | --- | --- | --- |"
    parts = {one.name: dollars(one) for one in gets}
    rows = [(words, parts[name]) for name, words in SHOWN.items()]
    rows += [(f"{words} of all {len(gets)}", tuple(average(part) for part in zip(*parts.values())))
             for words, average in (("median", statistics.median), ("mean", statistics.fmean))]
    for words, (function, store) in rows:
        total = gateway + authorizer + function + store
        yield f"| {words} | {gateway:.2f} | {authorizer:.2f} | {function:.2f} | {store:.2f} | {total:.2f} |"


def peers_table(figures):
    yield "| | | start ms | start, processor ms | warm ms | warm, processor ms | memory MiB | function $ of a million |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for name, who, steps, found in figures:
        paid = Endpoint(name, "", 256, None, found["start_cpu"], None, found["warm_cpu"], 0, steps, 0, 0, 0, 0)
        yield (f"| {name} | {who} | {found['start']:.1f} | {found['start_cpu']:.1f} | {found['warm']:.2f} | {found['warm_cpu']:.2f} "
               f"| {found['memory']:.1f} | {dollars(paid)[0]:.2f} |")


def replaced(text, name, lines):
    """The text with the lines between a table's marks."""
    begin, end = f"<!-- measured: {name} -->\n", "<!-- /measured -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    if not rest or not after:
        raise SystemExit(f"{TABLE}: no marks of {name}")
    return before + begin + "\n".join(lines) + "\n" + end + after


def main():
    notes = collections.defaultdict(list)
    for line in pathlib.Path(sys.argv[1]).read_text().splitlines():
        note = json.loads(line)
        notes[note["function"]].append(note)
    figures = json.loads(pathlib.Path(sys.argv[2]).read_text())
    known = methods()
    hello = endpoint(HELLO, "GET", 256, notes.pop(HELLO))
    everyone = {name: endpoint(name, *known[name], found) for name, found in sorted(notes.items()) if name in known and known[name][0]}
    missing = sorted(name for name, (served, _) in known.items() if served and name not in everyone)
    cpu = figures["authorizer"]
    front = Endpoint(AUTHORIZER, "", known[AUTHORIZER][1], None, cpu["start_cpu"], None, cpu["warm_cpu"], 0, 0, 0, 0, 0, 0)
    authorizer = dollars(front)[0]
    # a function of Outset answers methods that its path has not, too
    gets = [one for one in everyone.values() if one.methods == "GET" or (one.name.startswith("outset-") and "GET" in one.methods)]
    tables = {
        "endpoints": list(endpoints_table([hello, *everyone.values()], hello, authorizer)),
        "parts": list(parts_table(gets, authorizer)),
        "peers": list(peers_table(figures["peers"])),
    }
    if sys.argv[3:] == ["--write"]:
        text = TABLE.read_text()
        for name, lines in tables.items():
            text = replaced(text, name, lines)
        TABLE.write_text(text)
    else:
        for lines in tables.values():
            print("\n".join(lines), end="\n\n")
    dear = sorted((sum(dollars(one)) + PRICES["gateway_request"] * MILLION + authorizer, one.name) for one in gets)
    within = sum(cost <= MOST_OF_GETS for cost, _ in dear)
    print(f"a million GETs: {within} of {len(dear)} endpoints within {MOST_OF_GETS:.2f} dollars; the dearest: {dear[-1][1]}, {dear[-1][0]:.2f}")
    if missing:
        raise SystemExit(f"not noted: {', '.join(missing)}")
    above = [name for cost, name in dear if name in BOUND and cost > MOST_OF_GETS]
    if above:
        raise SystemExit(f"a million GETs cost more than {MOST_OF_GETS:.2f} dollars: {', '.join(above)}")


if __name__ == "__main__":
    main()
