"""Walks through the APIs that `sam local start-api` serves; then each function gets its sample event. What a gateway would
answer by itself is not asked: `sam local` knows no gateway responses. checks/sam-local starts what this asks."""
import argparse
import json
import pathlib
import time

import requests

import project
import walks


def samples(options):
    """Each function that has a binary answers its sample event, none with a fault; whoever sends it is nobody."""
    functions = {crate: name for api in project.APIS for crate, (name, _, _) in project.functions(api).items()}
    for name, resource in project.of_type(project.FUNCTION).items():
        functions[pathlib.PurePosixPath(resource["Properties"]["CodeUri"]).name] = name
    there = [crate for crate in sorted(functions) if (pathlib.Path(options.binaries) / crate / "bootstrap").exists()]
    began = time.monotonic()
    for crate in there:
        url = f"{options.lambda_}/2015-03-31/functions/{functions[crate]}/invocations"
        answer = requests.post(url, data=json.dumps(project.events()[crate]), timeout=walks.PATIENCE)
        assert answer.status_code == 200 and "X-Amz-Function-Error" not in answer.headers, f"{crate}: {answer.text}"
        # a streamed answer begins with its head, too
        told, _ = json.JSONDecoder().raw_decode(answer.text)
        assert crate in project.background() or told["statusCode"] < 500, f"{crate}: {answer.text}"
    print(f"sample events: {len(there)} of {len(functions)} functions, {time.monotonic() - began:.0f} s")


def ready(base):
    def answers():
        try:
            return requests.get(base + "/nothing/here", timeout=walks.PATIENCE) is not None
        except requests.ConnectionError:
            return False
    walks.wait_for(answers)


def main():
    parser = argparse.ArgumentParser()
    for name in ("outset", "outsend", "openscouter", "ready", "command", "data", "binaries"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--lambda", dest="lambda_", required=True)
    options = parser.parse_args()
    control = json.loads(pathlib.Path(options.ready).read_text())["control"]

    def mails():
        return [(mail["to"], mail["text"]) for mail in requests.get(f"{control}/_local/mail", timeout=walks.PATIENCE).json()]

    apis = {api: walks.Api(getattr(options, api)) for api in project.APIS}
    system = walks.System(apis, options.command, ["--data", options.data], mails, options.data)
    for base in (options.outset, options.outsend, options.openscouter, options.lambda_):
        ready(base)
    for api, walk in (("Outset", walks.outset), ("Outsend", walks.outsend), ("OpenScouter", walks.openscouter)):
        print(f"{api}: {walk(system)}")
    samples(options)
    print("sam local serves all three APIs")


if __name__ == "__main__":
    main()
