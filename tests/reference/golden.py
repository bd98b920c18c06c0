"""Answers against the golden OpenAPI document (outset 11: every answer of the dialect validates against it)."""
import json
import pathlib
import re

from openapi_schema_validator import OAS30Validator

DOCUMENT = json.loads((pathlib.Path(__file__).resolve().parents[2] / "openapi" / "outset.json").read_text())
# redirects and cache answers have no body and stand in no document
WITHOUT_BODY = {301, 304}


def inline(schema):
    """The schema with its references filled in; the document has no cycles."""
    if isinstance(schema, dict):
        if reference := schema.get("$ref"):
            return inline(DOCUMENT["components"]["schemas"][reference.rsplit("/", 1)[1]])
        return {name: inline(value) for name, value in schema.items()}
    if isinstance(schema, list):
        return [inline(value) for value in schema]
    return schema


VALIDATORS = {}
for path, item in DOCUMENT["paths"].items():
    pattern = re.compile("^" + re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path)) + "$")
    for method, operation in item.items():
        answers = {}
        for status, response in operation["responses"].items():
            kinds = {kind: OAS30Validator(inline(content["schema"])) for kind, content in response["content"].items()}
            answers[int(status)] = kinds
        VALIDATORS[method.upper(), pattern] = answers


def fault(method, target, status, content_type, body):
    """What is wrong with an answer, or None; methods and paths that the document lacks are not its business."""
    path = target.partition("?")[0]
    answers = next((answers for (known, pattern), answers in VALIDATORS.items() if known == method and pattern.match(path)), None)
    if answers is None or status in WITHOUT_BODY:
        return None
    if status not in answers:
        return f"status {status} is not in the document"
    kind = (content_type or "").partition(";")[0]
    if kind not in answers[status]:
        return f"{kind} is not in the document for {status}"
    if not kind.endswith("json"):
        return None
    error = next(answers[status][kind].iter_errors(json.loads(body)), None)
    return error and f"{error.json_path}: {error.message}"
