"""What the checks read: templates as written and as CloudFormation gets them, folders, documents, events."""
import copy
import functools
import json
import logging
import pathlib
import re

import boto3
import yaml
from samcli.lib.providers.api_provider import ApiProvider
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

logging.disable(logging.ERROR)  # the transform tells of its metrics
ROOT = pathlib.Path(__file__).resolve().parent.parent
APIS = ["outset", "outsend", "openscouter"]
FUNCTION = "AWS::Serverless::Function"
ANY = "x-amazon-apigateway-any-method"
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}  # that the gateway knows
MOST_PERMISSIONS = 40  # of a function: its policy ends at 20 KB, and each takes about half of one
MOST_RESOURCES = 500  # of one stack
MOST_API_RESOURCES = 300  # of one API


def template_path(api=None):
    return ROOT / "template.yaml" if api is None else ROOT / "functions" / api / "template.yaml"


@functools.cache
def _translated(api, **given):
    # as the transform gets it, which knows no aliases: what it adds to one method it adds to no other
    source = json.loads(json.dumps(template(api)))
    for resource in source["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == FUNCTION:
            properties["CodeUri"] = "s3://bucket/code.zip"
        if resource["Type"] == "AWS::Serverless::Application":
            properties["Location"] = "https://s3.amazonaws.com/bucket/template.yaml"
    parameters = {name: parameter.get("Default", "value") for name, parameter in source.get("Parameters", {}).items()} | given
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="eu-central-1"))
    return translator.translate(source, parameters)


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


def named_routes(api):
    """(resource, method) and crate name, as the functions' events declare them."""
    for crate, (_, _, properties) in functions(api).items():
        for event in properties.get("Events", {}).values():
            if event["Type"] == "Api":
                yield (event["Properties"]["Path"], event["Properties"]["Method"].upper()), crate


def integrated_routes(api, paths):
    """(resource, method) and crate name of a definition's paths, whose integrations name the functions."""
    crates = {name: crate for crate, (name, _, _) in functions(api).items()}
    for path, operations in paths.items():
        for method, operation in operations.items():
            uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
            name = re.search(r"functions/\$\{(\w+)\.Arn\}", uri)[1]
            yield (path, "ANY" if method == ANY else method.upper()), crates[name]


def routes(api):
    """(resource, method) to crate name: what the functions' events declare, and what the API leaves to the fallback."""
    (gateway,) = of_type("AWS::Serverless::Api", api).values()
    found = {}
    for route, crate in [*named_routes(api), *integrated_routes(api, gateway["Properties"]["DefinitionBody"]["paths"])]:
        if route in found:
            raise AssertionError(f"{route} is declared twice")
        found[route] = crate
    return found


def locally(api):
    """(resource, method) to crate name, as `sam local start-api` mounts them."""
    stacks, _ = SamLocalStackProvider.get_stacks(str(template_path(api)))
    crates = {name: crate for crate, (name, _, _) in functions(api).items()}
    return {(route.path, method): crates[route.function_name]
            for route in ApiProvider(stacks).api.routes for method in route.methods}


def processors(api, architecture):
    """What the SAM CLI runs an API's functions on, for a value of the parameter."""
    stacks, _ = SamLocalStackProvider.get_stacks(str(template_path(api)), parameter_overrides={"Architecture": architecture})
    return {tuple(function.architectures) for function in SamFunctionProvider(stacks).get_all()}


def translated(api=None, **given):
    """The template that the transform makes, with some parameters given; code and nested templates stand where a package would be."""
    return _translated(api, **given)


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
