"""Compares what functions were allowed with what they did in the wire tests.

The tests refuse what no policy allows; this is the other way round: each key of a function's own statements must have been
accessed by one of its actions, and each action must have been used on one of its keys. `unused-rights.txt` names what the tests
do not reach, each with its reason; what is named there and is used is told, too. With `--strict` either fails: some of it takes a race
that does not come each time.
"""
import fnmatch
import pathlib
import sys

import project
from test_templates import inline, leading_keys

TABLES = {"main": {"Ref": "MainTableArn"}, "hot": {"Ref": "HotTableArn"}}
ROOT_TABLES = {"main": {"Fn::GetAtt": ["MainTable", "Arn"]}, "hot": {"Fn::GetAtt": ["HotTable", "Arn"]}}


def accesses(lines):
    """By function and table: action and a key that the noted prefix stands for."""
    noted = {}
    for line in lines:
        function, table, action, prefix = line.split()
        noted.setdefault((function, table), set()).add((action, prefix.replace("*", "x")))
    return noted


def functions():
    for api in project.APIS:
        for crate, (_, _, properties) in project.functions(api).items():
            yield crate, properties, TABLES
    for resource in project.of_type(project.FUNCTION).values():
        properties = resource["Properties"]
        yield pathlib.PurePosixPath(properties["CodeUri"]).name, properties, ROOT_TABLES


def unused(noted):
    for crate, properties, tables in functions():
        for statement in inline(properties):
            table = next((name for name, resource in tables.items() if resource == statement["Resource"]), None)
            keys = leading_keys(statement)
            if table is None or keys is None:
                continue
            done = noted.get((crate, table), set())
            actions = {action.removeprefix("dynamodb:") for action in statement["Action"]}
            for key in keys:
                if not any(action in actions and fnmatch.fnmatchcase(sample, key) for action, sample in done):
                    yield f"{crate} {table} {'/'.join(sorted(actions))} {key}"
            for action in actions:
                if not any(name == action and any(fnmatch.fnmatchcase(sample, key) for key in keys) for name, sample in done):
                    yield f"{crate} {table} {action}"


def main():
    found = set(unused(accesses(pathlib.Path(sys.argv[1]).read_text().splitlines())))
    lines = (pathlib.Path(__file__).parent / "unused-rights.txt").read_text().splitlines()
    known = {line.split("  # ")[0].strip() for line in lines if line and not line.startswith("#")}
    for line in sorted(found - known):
        print(f"allowed and not used by any test: {line}")
    for line in sorted(known - found):
        print(f"in unused-rights.txt, and used or not allowed: {line}")
    sys.exit(1 if "--strict" in sys.argv and found != known else 0)


if __name__ == "__main__":
    main()
