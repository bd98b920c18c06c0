"""Measures three of Outset's endpoints beside the same ones written plainly for Lambda's Python and Node runtimes, in one run."""
import argparse
import hashlib
import json
import pathlib
import sys
import tempfile

import boto3

import binaries
import studies
from binaries import Binary
from servers import Outscout, Rows, Store

PEERS = pathlib.Path(__file__).resolve().parent / "peers"
KEY = "peer-key"
STUDIES = 25
# what a usual request of each asks the store for, one after the other
STEPS = {"retrieve": 2, "list_studies": 3, "update": 2}
OURS = {"retrieve": ("outset-studies-retrieve", 1), "list_studies": ("outset-studies-list", 2), "update": ("outset-studies-update", 2)}


def fill(place):
    """The peers' table, with a key and its studies."""
    store = boto3.resource("dynamodb", endpoint_url=place["url"], region_name="us-east-1", aws_access_key_id=place["access_key_id"],
                           aws_secret_access_key=place["secret_access_key"])
    keys = [("pk", "HASH"), ("sk", "RANGE")]
    table = store.create_table(TableName="peer", BillingMode="PAY_PER_REQUEST",
                               KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
                               AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys])
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    table.put_item(Item={"pk": f"KEY#{digest}", "sk": "KEY", "organization": "one", "scopes": ["studies:read", "studies:write"]})
    table.put_item(Item={"pk": "ORG#one", "sk": "COUNT", "count": STUDIES})
    for number in range(STUDIES):
        table.put_item(Item={"pk": "ORG#one", "sk": f"STUDY#{number:04}", "id": f"{number:04}", "name": f"Study {number}", "status": "open",
                             "active": True, "created_at": "2026-11-01T00:00:00Z", "updated_at": "2026-11-01T00:00:00Z",
                             "completion_url": None, "tasks": ["look around"]})


def peer_event(method, resource, body=None):
    event = json.loads(binaries.event(KEY, method, resource, "/v1/studies/0007/", body))
    return json.dumps(event | {"pathParameters": {"id": "0007"}}).encode()


def peers():
    """The peers by row and runtime, as Lambda's own clients of the Runtime API run them."""
    good, detail = b'"statusCode":200', "/v1/studies/{id}"
    requests = {"retrieve": peer_event("GET", detail), "list_studies": peer_event("GET", "/v1/studies"),
                "update": peer_event("PATCH", detail, '{"completion_url": "https://a.test/"}')}
    found = {}
    for name, event in requests.items():
        python = [sys.executable, "-m", "awslambdaric", f"studies.{name}"]
        found[name, "Python"] = Binary(name, event, b'"statusCode": 200', python, LAMBDA_TASK_ROOT=str(PEERS), PYTHONPATH=str(PEERS))
        node = [PEERS / "node", f"studies.{name}"]
        found[name, "Node"] = Binary(name, event, good, node, LAMBDA_TASK_ROOT=str(PEERS))
    return found


def measure(rows, work):
    file = work / "studies.json"
    studies.write(file, STUDIES)
    with Outscout(work / "data") as outscout:
        outscout.import_studies(file, STUDIES, outscout.organization())
    one, detail = studies.detail(7), "/v1/studies/{id}"
    key, good = outscout.key, b'"statusCode":200'
    ours = {
        "retrieve": (binaries.event(key, "GET", detail, one), good),
        "list_studies": (binaries.event(key, "GET", "/v1/studies", "/v1/studies/"), good),
        "update": (binaries.event(key, "PATCH", detail, one, '{"completion_url": "https://a.test/"}'), good),
    }
    asked = json.loads(binaries.event(key, "GET", detail, one))
    asked |= {"type": "REQUEST", "methodArn": "arn:aws:execute-api:us-east-1:0:outset/prod/GET/v1/studies"}
    all_of_them = {
        ("authorizer", "outscout"): Binary("background-authorizer", json.dumps(asked).encode(), b"usageIdentifierKey"),
        **{(name, "outscout"): Binary(OURS[name][0], *sample) for name, sample in ours.items()},
        **peers(),
    }
    with Store(outscout.data) as store:
        fill(store.place)
        return binaries.take_turns(rows, all_of_them, environment(store.place))


def environment(place):
    variables = binaries.environment(place)
    # what the runtimes' clients look for beside what ours read
    return variables | {"AWS_DEFAULT_REGION": variables["AWS_REGION"], "AWS_LAMBDA_FUNCTION_HANDLER": "studies",
                        "OUTSCOUT_GATEWAY_KEYS": "bench"}


def row(found):
    return {"start": found.start, "start_cpu": found.cpu, "warm": found.warm, "warm_cpu": found.warm_cpu, "memory": found.memory}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    options = parser.parse_args()
    with Rows() as rows, tempfile.TemporaryDirectory() as name:
        found = measure(rows, pathlib.Path(name))
        authorizer = found.pop(("authorizer", "outscout"))
        steps = {(name, who): OURS[name][1] if who == "outscout" else STEPS[name] for name, who in found}
        table = [(name.replace("_", " "), who, steps[name, who], row(figures)) for (name, who), figures in sorted(found.items())]
        options.out.write_text(json.dumps({"authorizer": row(authorizer), "peers": table}, indent=1))


if __name__ == "__main__":
    main()
