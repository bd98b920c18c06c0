"""Compares what functions were allowed with what they did in the wire tests.

The tests refuse what no policy allows; this is the other way round: each key of a function's own statements must have been
accessed by one of its actions, and each action must have been used on one of its keys. What is one right in two words counts as
used by either: to read by key, one item or a batch; and, of a list's nodes, to write and to remove them, since who changes a list
may come to split a node or to take one away. `unused-rights.txt` names what the tests do not reach, each with its reason. What is
neither used nor named there is told, and fails it when it is more than what takes a race that does not come each time.
"""
import fnmatch
import pathlib
import sys

import project
from test_templates import inline, leading_keys

# rights that a run may miss by chance
RACES = 8
# actions that are one right: of keys that begin so
ONE_RIGHT = [({"GetItem", "BatchGetItem"}, ""), ({"PutItem", "DeleteItem", "BatchWriteItem"}, "RANK#")]
TABLES = {"main": {"Ref": "MainTableArn"}, "hot": {"Ref": "HotTableArn"}}
ROOT_TABLES = {"main": {"Fn::GetAtt": ["MainTable", "Arn"]}, "hot": {"Fn::GetAtt": ["HotTable", "Arn"]}}


def accesses(lines):
    """By function and table: actions, and the beginning of the keys that they were used on."""
    noted = {}
    for line in lines:
        function, table, action, prefix = line.split()
        actions = next((actions for actions, start in ONE_RIGHT if action in actions and prefix.startswith(start)), {action})
        noted.setdefault((function, table), set()).update((each, prefix) for each in actions)
    return noted


def matches(prefix, key):
    """Whether a key of a policy allows what begins so; a key without a star is one of those."""
    return fnmatch.fnmatchcase(prefix.replace("*", "x"), key) or ("*" not in key and fnmatch.fnmatchcase(key, prefix))


def functions():
    for api in project.APIS:
        for crate, (_, _, properties) in project.functions(api).items():
            yield crate, properties, TABLES
    for resource in project.of_type(project.FUNCTION).values():
        properties = resource["Properties"]
        yield pathlib.PurePosixPath(properties["CodeUri"]).name, properties, ROOT_TABLES


def rights(noted):
    """Each right that a function's own statements give, and whether it was used."""
    for crate, properties, tables in functions():
        for statement in inline(properties):
            table = next((name for name, resource in tables.items() if resource == statement["Resource"]), None)
            keys = leading_keys(statement)
            if table is None or keys is None:
                continue
            done = noted.get((crate, table), set())
            actions = {action.removeprefix("dynamodb:") for action in statement["Action"]}
            for key in keys:
                used = any(action in actions and matches(prefix, key) for action, prefix in done)
                yield f"{crate} {table} {'/'.join(sorted(actions))} {key}", used
            for action in actions:
                used = any(name == action and any(matches(prefix, key) for key in keys) for name, prefix in done)
                yield f"{crate} {table} {action}", used


def main():
    given = dict(rights(accesses(pathlib.Path(sys.argv[1]).read_text().splitlines())))
    lines = (pathlib.Path(__file__).parent / "unused-rights.txt").read_text().splitlines()
    known = [line.split("  # ")[0].strip() for line in lines if line and not line.startswith("#")]
    named = {right for right in given for pattern in known if fnmatch.fnmatchcase(right, pattern)}
    new = sorted(right for right, used in given.items() if not used and right not in named)
    stale = [pattern for pattern in known if not any(fnmatch.fnmatchcase(right, pattern) for right in given)]
    for right in new:
        print(f"allowed and not used by any test: {right}")
    for pattern in stale:
        print(f"in unused-rights.txt, and not allowed: {pattern}")
    print(f"{len(given)} rights, {sum(given.values())} of them used, {len(named)} named in unused-rights.txt, {len(new)} neither")
    sys.exit(1 if stale or len(new) > RACES else 0)


if __name__ == "__main__":
    main()
