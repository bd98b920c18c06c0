"""The schema documents: valid, the same in both forms, and routed."""
import copy
import importlib.util
import json
import sys
import unittest

from openapi_spec_validator import OpenAPIV30SpecValidator, validate

import project

# where `outscout serve` answers; the schema function tells the request's own in its place (outset 8.7, 11)
SERVERS = {
    "outset": "http://localhost:4001",
    "outsend": "http://localhost:4002",
    "openscouter": "http://localhost:4003",
}
# operations whose crate is not named like their operationId
CRATES = {
    "studies_partial_update": "outset-studies-update",
    "well_known_jwks": "openscouter-auth-jwks",
    "well_known_authorization_server": "openscouter-oauth-metadata",
    "well_known_authorization_server_api_mcp": "openscouter-oauth-metadata",
    "well_known_protected_resource": "openscouter-oauth-metadata",
    "well_known_protected_resource_api": "openscouter-oauth-metadata",
    "well_known_protected_resource_api_mcp": "openscouter-oauth-metadata",
    "well_known_protected_resource_api_mcp_mcp": "openscouter-oauth-metadata",
    "mcp_mcp": "openscouter-mcp",
    "oauth_authorize_submit": "openscouter-oauth-authorize",
    "jobs_create_typed": "outsend-jobs-create",
}
# functions that serve nothing but a page
OF_PAGES_ALONE = {"studies_page"}


def renderer():
    sys.path.insert(0, str(project.ROOT / "openapi"))
    spec = importlib.util.spec_from_file_location("render", project.ROOT / "openapi/render.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# paths that the gateway must know apart and that are another operation's, with that name for its parameter
ALIASES = {("/api/reports/job", "GET")}


class Documents(unittest.TestCase):
    def test_valid(self):
        for api in project.APIS:
            document = project.document(api, "json")
            self.assertEqual(document["openapi"], "3.0.3")
            validate(document, cls=OpenAPIV30SpecValidator)

    def test_both_forms_hold_the_same(self):
        for api in project.APIS:
            document = project.document(api, "json")
            # as text, so that the order of members counts
            self.assertEqual(json.dumps(document), json.dumps(project.document(api, "yaml")))
            folder = project.ROOT / "openapi"
            self.assertEqual((folder / f"{api}.yaml").read_text(), renderer().render(document), "run openapi/render.py")
            text = json.dumps(document, indent=4, ensure_ascii=False)
            self.assertEqual((folder / f"{api}.json").read_text().rstrip("\n"), text)

    def test_the_server_is_this_machine_unless_told(self):
        for api, address in SERVERS.items():
            (server,) = project.document(api, "json")["servers"]
            self.assertEqual((server["url"], list(server["variables"])), ("{origin}", ["origin"]))
            self.assertEqual(server["variables"]["origin"]["default"], address)

    def test_examples_are_what_the_wire_tests_saw(self):
        for api in project.APIS:
            document = project.document(api, "json")
            filled = copy.deepcopy(document)
            renderer().examples.fill(api, filled)
            self.assertEqual(filled, document, "run openapi/render.py")

    def test_every_operation_says_what_it_is(self):
        for api in project.APIS:
            document = project.document(api, "json")
            tags = {tag["name"] for tag in document["tags"]}
            names = set()
            for path, methods in document["paths"].items():
                for operation in methods.values():
                    self.assertTrue(operation.get("summary") and operation.get("description"), path)
                    self.assertLessEqual(set(operation["tags"]), tags, path)
                    names.add(operation["operationId"])
            self.assertEqual(len(names), sum(len(methods) for methods in document["paths"].values()), "operationIds are unique")

    def test_every_operation_has_a_route(self):
        for api in project.APIS:
            routes = project.routes(api)
            for path, methods in project.document(api, "json")["paths"].items():
                self.assertEqual(path.endswith("/"), api == "outset", "the canonical form of a path")
                for method, operation in methods.items():
                    name = operation["operationId"]
                    resource = path.rstrip("/")
                    if not path.startswith(("/api/", "/.well-known/")):
                        # a page of a function that answers programs, too
                        name = name.removesuffix("_form")
                        name = name if name in OF_PAGES_ALONE else name.removesuffix("_page")
                    crate = CRATES.get(name, f"{api}-{name.replace('_', '-')}")
                    found = routes.get((resource, method.upper())) or routes.get((resource, "ANY"))
                    self.assertEqual(found, crate, f"{method} {path}")

    def test_every_route_has_an_operation(self):
        for api in project.APIS:
            paths = project.document(api, "json")["paths"]
            documented = {(path.rstrip("/"), method.upper()) for path, methods in paths.items() for method in methods}
            routes = project.routes(api)
            for (resource, method), crate in routes.items():
                if api == "outset" and method != "GET" and crate == routes.get((resource, "GET")):
                    continue  # who answers GET says there that a method is not allowed
                if not crate.endswith("-fallback") and (resource, method) not in ALIASES:
                    self.assertIn((resource, method), documented, crate)


if __name__ == "__main__":
    unittest.main()
