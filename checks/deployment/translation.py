"""The templates as the emulator takes them: what `sam deploy` does (package, transform) and, in `LEFT_OUT`, what the emulator lacks."""
import copy
import json
import logging
import pathlib

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

logging.disable(logging.ERROR)  # the transform tells of its metrics
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
REGION = "us-east-1"
APIS = ["outset", "outsend", "openscouter"]
FUNCTION, APPLICATION = "AWS::Serverless::Function", "AWS::Serverless::Application"
ANY, METHODS = "x-amazon-apigateway-any-method", ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
INTEGRATION, REFUSALS = "x-amazon-apigateway-integration", "x-amazon-apigateway-gateway-responses"

# What the transform asks of the parameters: with tracing off it adds no right to send traces.
TRANSFORMED_WITH = {"Tracing": "Disabled"}

# What the templates say and the emulator (ministack 1.5.33) does not do, and what is deployed instead. docs/deploying.md has the
# same table, and checks/test_deployment.py holds them together.
LEFT_OUT = {
    "transform": ("the transform of nested templates", "they are transformed before the upload, as CloudFormation would do"),
    "any": ("`ANY` in an API's definition", "each of the seven methods that the gateway knows"),
    "refusals": ("gateway responses in an API's definition", "resources of their own"),
    "reserved": ("reserved concurrency", "none is set aside"),
    "lifetime": ("the time to live of the tables' items", "items stay until they are read as expired"),
    "streams": ("streamed answers", "the method is there and names its function; its answer is not asked for"),
    "rights": ("policies", "they are compared, and refuse nothing: the emulator does not know which keys of a table a call names; the test bench does"),
    "key source": ("gateway keys that an authorizer names", "methods ask for no gateway key; the plans and their keys are there"),
}


def template_path(api=None):
    return ROOT / "template.yaml" if api is None else ROOT / "functions" / api / "template.yaml"


def template(api=None):
    """A template as it is written; without a name, the root."""
    return yaml_parse(template_path(api).read_text())


def crate(function):
    """The crate of a function's resource."""
    return pathlib.PurePosixPath(function["Properties"]["CodeUri"]).name


def crates(source):
    """Logical id to crate."""
    return {name: crate(resource) for name, resource in source["Resources"].items() if resource["Type"] == FUNCTION}


def transformed(source, bucket, uploads):
    """What the transform makes of a template whose code lies in a bucket. Parameters stay what they are: their values come with
    the stack."""
    source = copy.deepcopy(source)
    defaults = {name: parameter.pop("Default") for name, parameter in source["Parameters"].items() if "Default" in parameter}
    for resource in source["Resources"].values():
        if resource["Type"] == FUNCTION:
            resource["Properties"]["CodeUri"] = f"s3://{bucket}/{crate(resource)}.zip"
        if resource["Type"] == APPLICATION:
            resource["Properties"]["Location"] = uploads[resource["Properties"]["Location"]]
    made = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION)).translate(source, TRANSFORMED_WITH)
    for name, default in defaults.items():
        made["Parameters"][name]["Default"] = default
    return made


def adapted(made):
    """A transformed template as the emulator takes it, and how often each entry of `LEFT_OUT` was needed."""
    # not a deep copy: what the template writes once and names often (`*nowhere`) would be one part still
    made, needed = json.loads(json.dumps(made)), dict.fromkeys(LEFT_OUT, 0)
    for name, resource in list(made["Resources"].items()):
        for member, entry in (("ReservedConcurrentExecutions", "reserved"), ("TimeToLiveSpecification", "lifetime")):
            if resource.get("Properties", {}).pop(member, None):
                needed[entry] += 1
        needed["rights"] += resource["Type"] in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy")
        if resource["Type"] == "AWS::ApiGateway::RestApi":
            needed["transform"] += 1
            keyed = resource["Properties"].pop("ApiKeySourceType", None) == "AUTHORIZER"
            body = resource["Properties"]["Body"]
            for operations in body["paths"].values():
                adapt_operations(operations, needed, keyed, body)
            for kind, refusal in body.pop(REFUSALS, {}).items():
                needed["refusals"] += 1
                made["Resources"][f"{name}Refusal{kind.title().replace('_', '')}"] = gateway_response(name, kind, refusal)
    return made, needed


def adapt_operations(operations, needed, keyed, body):
    """Spells ANY out, makes of streamed methods collected ones, and lets go of keys that an authorizer would name."""
    if ANY in operations:
        needed["any"] += 1
        operation = operations.pop(ANY)
        for method in METHODS:
            operations.setdefault(method.lower(), copy.deepcopy(operation))
    for operation in operations.values():
        integration = operation[INTEGRATION]
        if integration.pop("responseTransferMode", None) == "STREAM":
            needed["streams"] += 1
            text = json.dumps(integration["uri"])
            text = text.replace("/response-streaming-invocations", "/invocations").replace("2021-11-15", "2015-03-31")
            integration["uri"] = json.loads(text)
        if keyed and asks_for_key(operation, body):
            needed["key source"] += 1
            for requirement in operation["security"]:
                for scheme in key_schemes(body):
                    requirement.pop(scheme, None)


def key_schemes(body):
    """Names of the security schemes that are a gateway key."""
    schemes = body.get("securityDefinitions") or body.get("components", {}).get("securitySchemes", {})
    return [name for name, scheme in schemes.items()
            if scheme.get("type") == "apiKey" and "x-amazon-apigateway-authtype" not in scheme]


def asks_for_key(operation, body):
    return any(scheme in requirement for requirement in operation.get("security") or [] for scheme in key_schemes(body))


def gateway_response(api, kind, refusal):
    return {"Type": "AWS::ApiGateway::GatewayResponse", "Properties": {
        "RestApiId": {"Ref": api}, "ResponseType": kind, "StatusCode": refusal["statusCode"],
        "ResponseParameters": refusal.get("responseParameters", {}), "ResponseTemplates": refusal.get("responseTemplates", {})}}
