"""What the checks read: templates as written and as CloudFormation gets them, folders, documents, events."""
import copy
import functools
import json
import logging
import pathlib

import boto3
import yaml
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

logging.disable(logging.ERROR)  # the transform tells of its metrics
ROOT = pathlib.Path(__file__).resolve().parent.parent
APIS = ["outset", "outsend", "openscouter"]
FUNCTION = "AWS::Serverless::Function"
MOST_RESOURCES = 500  # of one stack
MOST_API_RESOURCES = 300  # of one API


def template_path(api=None):
    return ROOT / "template.yaml" if api is None else ROOT / "functions" / api / "template.yaml"


@functools.cache
def _template(api):
    return yaml_parse(template_path(api).read_text())


def template(api=None):
    """A template as it is written; without a name, the root."""
    return copy.deepcopy(_template(api))


def of_type(kind, api=None):
    """Resources of one type by logical id."""
    resources = template(api)["Resources"].items()
    return {name: resource for name, resource in resources if resource["Type"] == kind}


def functions(api):
    """Functions by crate name: logical id and properties, with what the template says for all of them."""
    shared = template(api)["Globals"]["Function"]
    found = {}
    for name, resource in of_type(FUNCTION, api).items():
        properties = {**shared, **resource["Properties"]}
        own = resource["Properties"]
        properties["LoggingConfig"] = {**shared["LoggingConfig"], **own.get("LoggingConfig", {})}
        variables = [source.get("Environment", {}).get("Variables", {}) for source in (shared, own)]
        properties["Environment"] = {"Variables": {**variables[0], **variables[1]}}
        found[pathlib.PurePosixPath(properties["CodeUri"]).name] = (name, resource, properties)
    return found


def background():
    """Names of the root's functions: those that no request reaches."""
    return {pathlib.PurePosixPath(r["Properties"]["CodeUri"]).name for r in of_type(FUNCTION).values()}


def routes(api):
    """(resource, method) to crate name."""
    found = {}
    for crate, (_, _, properties) in functions(api).items():
        for event in properties.get("Events", {}).values():
            if event["Type"] != "Api":
                continue
            route = (event["Properties"]["Path"], event["Properties"]["Method"].upper())
            if route in found:
                raise AssertionError(f"{route} is declared twice")
            found[route] = crate
    return found


def translated(api=None):
    """The template that the transform makes; code and nested templates stand where a package would be."""
    source = template(api)
    for resource in source["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == FUNCTION:
            properties["CodeUri"] = "s3://bucket/code.zip"
        if resource["Type"] == "AWS::Serverless::Application":
            properties["Location"] = "https://s3.amazonaws.com/bucket/template.yaml"
    parameters = {name: parameter.get("Default", "value") for name, parameter in source.get("Parameters", {}).items()}
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="eu-central-1"))
    return translator.translate(source, parameters)


def crates(api):
    """Crates below an API's folder."""
    folder = ROOT / "functions" / api
    return {f"{api}-{manifest.parent.name}" for manifest in folder.glob("*/Cargo.toml")}


def document(api, ending):
    """An API's schema document."""
    text = (ROOT / "openapi" / f"{api}.{ending}").read_text()
    return json.loads(text) if ending == "json" else yaml.safe_load(text)


def events():
    """Sample events by function."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "events").glob("*.json"))}
