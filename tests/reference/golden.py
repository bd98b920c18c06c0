"""Answers against the golden OpenAPI documents (outset 11: every answer of a dialect validates against it)."""
import json
import pathlib
import re

from openapi_schema_validator import OAS30Validator

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "openapi"
# redirects and cache answers have no body and stand in no document
WITHOUT_BODY = {301, 302, 304}


class Document:
    """The document of one API."""

    def __init__(self, api):
        self.document = json.loads((FOLDER / f"{api}.json").read_text())
        self.validators = {}
        # a path without parameters goes before one that its own name would fill in
        for path, item in sorted(self.document["paths"].items(), key=lambda known: known[0].count("{")):
            pattern = re.compile("^" + re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path)) + "$")
            for method, operation in item.items():
                answers = {}
                for status, response in operation["responses"].items():
                    content = response.get("content", {}).items()
                    answers[int(status)] = {
                        kind.partition(";")[0]: OAS30Validator(self.inline(c["schema"])) for kind, c in content
                    }
                self.validators[method.upper(), pattern] = answers

    def inline(self, schema):
        """The schema with its references filled in; a document has no cycles."""
        if isinstance(schema, dict):
            if reference := schema.get("$ref"):
                return self.inline(self.document["components"]["schemas"][reference.rsplit("/", 1)[1]])
            return {name: self.inline(value) for name, value in schema.items()}
        if isinstance(schema, list):
            return [self.inline(value) for value in schema]
        return schema

    def fault(self, method, target, status, content_type, body):
        """What is wrong with an answer, or None; methods and paths that the document lacks are not its business."""
        path = target.partition("?")[0]
        known = self.validators.items()
        answers = next((a for (name, pattern), a in known if name == method and pattern.match(path)), None)
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
