"""Translates the templates as a deployment would, and compares them with the crates and the golden OpenAPI documents."""
import json
import pathlib
import re
import sys

import yaml
from openapi_spec_validator import validate
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "openapi"))
import render  # noqa: E402

# what a function may do to a table; a new action is a decision, made here
ACTIONS = {f"dynamodb:{name}" for name in (
    "GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")}
TABLES = {"MainTableArn", "HotTableArn"}


class Policies:
    """Managed policies are looked up online; the templates use none."""

    def load(self):
        return {}


def camel(crate):
    return "".join(part.capitalize() for part in crate.split("-"))


def check_api(api):
    folder = ROOT / "functions" / api
    source = yaml_parse((folder / "template.yaml").read_text())
    defaults = source["Globals"]["Function"]
    assert defaults["Runtime"] == "provided.al2023" and defaults["Architectures"] == ["arm64"], defaults
    declared = {name: resource["Properties"] for name, resource in source["Resources"].items()
                if resource["Type"] == "AWS::Serverless::Function"}
    crates = {f"{api}-{path.parent.name}" for path in folder.glob("*/Cargo.toml")}
    assert set(declared) == {camel(crate) for crate in crates}, (set(declared), crates)
    routes = set()
    for name, properties in declared.items():
        crate = properties["CodeUri"].rsplit("/", 1)[1]
        assert camel(crate) == name and properties["CodeUri"] == f"../../target/lambda/{crate}", name
        for policy in properties.get("Policies", []):
            for statement in policy["Statement"]:
                assert set(statement["Action"]) <= ACTIONS, (name, statement)
                assert statement["Resource"]["Ref"] in TABLES, (name, statement)
        for event in properties["Events"].values():
            routes.add((event["Properties"]["Path"], event["Properties"]["Method"].upper()))
    paths = {path for path, method in routes if method == "ANY"}
    assert {"/", "/{proxy+}", "/v1/{proxy+}"} <= paths, "catch-alls"
    document = json.loads((ROOT / "openapi" / f"{api}.json").read_text())
    for path, item in document["paths"].items():
        for method in item:
            resource = path.rstrip("/")
            assert {(resource, "ANY"), (resource, method.upper())} & routes, (path, method)
    responses = source["Resources"]["Api"]["Properties"]["GatewayResponses"]
    for kind, response in responses.items():
        envelope = json.loads(response["ResponseTemplates"]["application/json"])
        assert envelope["status"] == "error" and envelope["errors"], kind

    parameters = {name: "x" for name in source["Parameters"]}
    translated = transform(yaml_parse((folder / "template.yaml").read_text()), parameters, Policies())
    resources = translated["Resources"]
    kinds = [resource["Type"] for resource in resources.values()]
    assert len(kinds) <= 500, "a stack has at most 500 resources"
    assert kinds.count("AWS::Lambda::Function") == len(crates)
    assert kinds.count("AWS::ApiGateway::GatewayResponse") == len(responses) or kinds.count(
        "AWS::ApiGateway::RestApi") == 1
    assert "*/*" in json.dumps([resource for resource in resources.values()
                                if resource["Type"] == "AWS::ApiGateway::RestApi"])
    print(f"{api}: {len(crates)} functions, {len(routes)} routes, {len(kinds)} resources")


def check_root():
    source = yaml_parse((ROOT / "template.yaml").read_text())
    main = source["Resources"]["MainTable"]["Properties"]
    assert main["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert main["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert "StreamSpecification" not in source["Resources"]["HotTable"]["Properties"], "the hot table has no stream"
    nested = {resource["Properties"]["Location"] for resource in source["Resources"].values()
              if resource["Type"] == "AWS::Serverless::Application"}
    there = {str(path.relative_to(ROOT)) for path in (ROOT / "functions").glob("*/template.yaml")}
    assert nested == there, (nested, there)


def check_openapi():
    for golden in sorted((ROOT / "openapi").glob("*.json")):
        document = json.loads(golden.read_text())
        validate(document)
        text = golden.with_suffix(".yaml").read_text()
        assert text == render.render(document), f"run openapi/render.py: {golden.stem}.yaml is not {golden.name}"
        assert yaml.safe_load(text) == document


def check_events():
    """One sample event for each function."""
    crates = {re.search(r'name = "(.+)"', path.read_text())[1] for path in (ROOT / "functions").glob("*/*/Cargo.toml")}
    samples = {path.stem for path in (ROOT / "events").glob("*.json")}
    assert crates == samples, crates ^ samples


for check in (check_root, check_openapi, check_events):
    check()
for template in sorted((ROOT / "functions").glob("*/template.yaml")):
    check_api(template.parent.name)
