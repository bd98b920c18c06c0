"""The gateway in front of each API: routes, its own answers, usage plans."""
import json
import unittest

import project

ERROR = ("error", "A server error occurred.")
NOT_FOUND = ("not_found", "Not found.")
THROTTLED = ("throttled", "Request was throttled. Expected available in 1 second.")
# what the gateway answers by itself (outset 4.2, 15): status, code, and the text or how it begins
RESPONSES = {
    "outset": {
        "MISSING_AUTHENTICATION_TOKEN": (404, *NOT_FOUND),
        "RESOURCE_NOT_FOUND": (404, *NOT_FOUND),
        "INVALID_SIGNATURE": (404, *NOT_FOUND),
        "EXPIRED_TOKEN": (404, *NOT_FOUND),
        "THROTTLED": (429, *THROTTLED),
        "QUOTA_EXCEEDED": (429, *THROTTLED),
        "REQUEST_TOO_LARGE": (413, "request_too_large", "Request body is too large."),
        "BAD_REQUEST_BODY": (400, "parse_error", "JSON parse error - "),
        "BAD_REQUEST_PARAMETERS": (400, "parse_error", "JSON parse error - "),
        "UNSUPPORTED_MEDIA_TYPE": (415, "unsupported_media_type", "Unsupported media type "),
        "UNAUTHORIZED": (401, "not_authenticated", "Authentication credentials were not provided."),
        "INVALID_API_KEY": (401, "authentication_failed", "Incorrect authentication credentials."),
        "ACCESS_DENIED": (403, "permission_denied", "You do not have permission to perform this action."),
        "WAF_FILTERED": (403, "permission_denied", "You do not have permission to perform this action."),
        "AUTHORIZER_FAILURE": (500, *ERROR),
        "AUTHORIZER_CONFIGURATION_ERROR": (500, *ERROR),
        "API_CONFIGURATION_ERROR": (500, *ERROR),
        "INTEGRATION_FAILURE": (500, *ERROR),
        "INTEGRATION_TIMEOUT": (504, *ERROR),
        "DEFAULT_4XX": (400, "parse_error", "JSON parse error - "),
        "DEFAULT_5XX": (500, *ERROR),
    }
}
RESPONSES["outsend"] = {
    "MISSING_AUTHENTICATION_TOKEN": (404, None, "Not found."),
    "RESOURCE_NOT_FOUND": (404, None, "Not found."),
    "INVALID_SIGNATURE": (404, None, "Not found."),
    "EXPIRED_TOKEN": (404, None, "Not found."),
    "THROTTLED": (429, None, "Too many requests. Try again in 1 s."),
    "QUOTA_EXCEEDED": (429, None, "Too many requests. Try again in 1 s."),
    "REQUEST_TOO_LARGE": (413, None, "Request body is too large."),
    "BAD_REQUEST_BODY": (400, None, "Request body is not valid JSON."),
    "BAD_REQUEST_PARAMETERS": (400, None, "Request body is not valid JSON."),
    "UNSUPPORTED_MEDIA_TYPE": (400, None, "Content-Type must be application/json."),
    "UNAUTHORIZED": (401, None, "Authentication required."),
    "INVALID_API_KEY": (401, None, "Authentication required."),
    "ACCESS_DENIED": (401, None, "Authentication required."),
    "WAF_FILTERED": (403, None, "Cross-site request refused."),
    "AUTHORIZER_FAILURE": (500, None, "Internal server error."),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, None, "Internal server error."),
    "API_CONFIGURATION_ERROR": (500, None, "Internal server error."),
    "INTEGRATION_FAILURE": (500, None, "Internal server error."),
    "INTEGRATION_TIMEOUT": (500, None, "Internal server error."),
    "DEFAULT_4XX": (400, None, "Request body is not valid JSON."),
    "DEFAULT_5XX": (500, None, "Internal server error."),
}
FAULT = (500, None, "Internal server error")
RESPONSES["openscouter"] = {
    "MISSING_AUTHENTICATION_TOKEN": (404, None, "Route not found"),
    "RESOURCE_NOT_FOUND": (404, None, "Route not found"),
    "INVALID_SIGNATURE": (404, None, "Route not found"),
    "EXPIRED_TOKEN": (404, None, "Route not found"),
    "THROTTLED": (429, None, "Rate limit exceeded"),
    "QUOTA_EXCEEDED": (429, None, "Rate limit exceeded"),
    "REQUEST_TOO_LARGE": (422, None, "body: must be at most 1048576 bytes"),
    "BAD_REQUEST_BODY": (400, None, "Malformed JSON body"),
    "BAD_REQUEST_PARAMETERS": (400, None, "Malformed query string"),
    "UNSUPPORTED_MEDIA_TYPE": (400, None, "Unsupported content type"),
    "UNAUTHORIZED": (401, None, "Missing credentials"),
    "INVALID_API_KEY": (401, None, "Invalid credentials"),
    "ACCESS_DENIED": (401, None, "Invalid credentials"),
    "WAF_FILTERED": (403, None, "You do not have permission to perform this action"),
    "AUTHORIZER_FAILURE": FAULT,
    "AUTHORIZER_CONFIGURATION_ERROR": FAULT,
    "API_CONFIGURATION_ERROR": FAULT,
    "INTEGRATION_FAILURE": FAULT,
    "INTEGRATION_TIMEOUT": FAULT,
    "DEFAULT_4XX": (400, None, "Malformed JSON body"),
    "DEFAULT_5XX": FAULT,
}
# headers of every answer (outset 13.1); the request's own id cannot be checked there, so the gateway's is sent
EVERYWHERE = {
    "X-Content-Type-Options": "'nosniff'",
    "Cache-Control": "'no-store'",
    "X-Request-Id": "context.requestId",
}
HEADERS = {
    "outset": {
        **EVERYWHERE,
        "X-Frame-Options": "'DENY'",
        "Referrer-Policy": "'same-origin'",
        "Cross-Origin-Opener-Policy": "'same-origin'",
    },
    "outsend": EVERYWHERE,
    "openscouter": EVERYWHERE,
}
WAIT = {"Retry-After": "'1'"}
MORE_HEADERS = {
    "outset": {401: {"WWW-Authenticate": "'Api-Key'"}, 429: WAIT},
    "outsend": {429: WAIT},
    "openscouter": {401: {"WWW-Authenticate": "'Bearer'"}, 429: WAIT},
}
DETAILS = {
    "outset": lambda body: body["errors"][0]["detail"],
    "outsend": lambda body: body["detail"],
    "openscouter": lambda body: body["error"],
}
TIERS = ["Free", "Pro", "Anonymous"]


def envelope(api, detail, code):
    """What an error looks like (outset 4.1, outsend 3.1, openscouter 2.3)."""
    if api == "openscouter":
        return {"success": False, "data": None, "error": detail, "metadata": None}
    if api == "outsend":
        return {"detail": detail}
    return {"status": "error", "errors": [{"field": None, "detail": detail, "code": code}]}


# the gateway's own failures; everything else is a refusal
FAILURES = {"AUTHORIZER_FAILURE", "AUTHORIZER_CONFIGURATION_ERROR", "API_CONFIGURATION_ERROR", "INTEGRATION_FAILURE",
            "INTEGRATION_TIMEOUT", "DEFAULT_5XX"}


def default(kind):
    """The response that the gateway takes for a kind that has none, with its status."""
    return "DEFAULT_5XX" if kind in FAILURES else "DEFAULT_4XX"


def rest_api(api):
    (properties,) = (resource["Properties"] for resource in project.of_type("AWS::Serverless::Api", api).values())
    return properties


class Routes(unittest.TestCase):
    def test_every_function_has_a_route(self):
        for api in project.APIS:
            self.assertEqual(set(project.routes(api).values()), set(project.functions(api)))

    def test_every_resource_answers_every_method(self):
        # some gateways, `sam local start-api` among them, let ANY win over a method of the same path
        for api in project.APIS:
            methods = {}
            for resource, method in project.routes(api):
                methods.setdefault(resource, set()).add(method)
            for resource, found in methods.items():
                self.assertIn(found, ({"ANY"}, project.METHODS), resource)

    def test_what_is_nobodys_is_the_fallbacks(self):
        for api in project.APIS:
            paths = rest_api(api)["DefinitionBody"]["paths"]
            self.assertEqual({crate for _, crate in project.integrated_routes(api, paths)}, {f"{api}-fallback"})
            self.assertNotIn(f"{api}-fallback", {crate for _, crate in project.named_routes(api)})
            self.assertIs(rest_api(api)["MergeDefinitions"], True, "the events are added to them")
            (permission,) = project.of_type("AWS::Lambda::Permission", api).values()
            self.assertEqual(permission["Properties"]["FunctionName"], {"Ref": project.functions(api)[f"{api}-fallback"][0]})

    def test_sam_local_mounts_the_same(self):
        for api in project.APIS:
            expected = {}
            for (resource, method), crate in project.routes(api).items():
                for each in project.METHODS if method == "ANY" else [method]:
                    expected[resource, each] = crate
            self.assertEqual(project.locally(api), expected)

    def test_sam_local_runs_either_processor(self):
        for api in project.APIS:
            for architecture in project.template(api)["Parameters"]["Architecture"]["AllowedValues"]:
                self.assertEqual(project.processors(api, architecture), {(architecture,)})

    def test_permissions_fit_into_a_functions_policy(self):
        for api in project.APIS:
            resources = project.translated(api)["Resources"].values()
            permissions = [str(r["Properties"]["FunctionName"]) for r in resources if r["Type"] == "AWS::Lambda::Permission"]
            for function in permissions:
                self.assertLess(permissions.count(function), project.MOST_PERMISSIONS, function)

    def test_no_path_is_left_to_the_gateway(self):
        # a resource that is only passed through has no methods, and the gateway would answer for it
        for api in project.APIS:
            resources = {resource for resource, _ in project.routes(api)}
            self.assertIn("/{proxy+}", resources)
            for resource in resources:
                while resource != "/":
                    self.assertIn(resource, resources)
                    resource = resource.rpartition("/")[0] or "/"

    def test_the_gateway_accepts_the_resources(self):
        for api in project.APIS:
            variables = {}
            for resource in {resource for resource, _ in project.routes(api)} - {"/"}:
                self.assertFalse(resource.endswith("/"), "a resource has no final slash")
                parts = resource.split("/")
                self.assertFalse([part for part in parts[:-1] if part.endswith("+}")], "nothing below a greedy part")
                for depth, part in enumerate(parts):
                    if part.startswith("{"):
                        variables.setdefault("/".join(parts[:depth]), set()).add(part)
            for parent, names in variables.items():
                self.assertEqual(len(names), 1, f"the gateway takes one variable below {parent}: {names}")

    def test_the_transform_declares_the_routes_and_no_more(self):
        for api in project.APIS:
            resources = project.translated(api)["Resources"]
            (body,) = (r["Properties"]["Body"] for r in resources.values() if r["Type"] == "AWS::ApiGateway::RestApi")
            declared = {}
            for path, methods in body["paths"].items():
                for method, operation in methods.items():
                    integration = operation["x-amazon-apigateway-integration"]
                    self.assertEqual(integration["type"], "aws_proxy")
                    # the gateway knows no others: not `any`, which the transform makes of an event's ANY where it merges
                    self.assertIn(method, {project.ANY, *map(str.lower, project.METHODS)}, path)
                    name = "ANY" if method == project.ANY else method.upper()
                    declared[path, name] = integration["uri"]["Fn::Sub"]
            routes = project.routes(api)
            self.assertEqual(set(declared), set(routes))
            for route, crate in routes.items():
                self.assertIn(f"${{{project.functions(api)[crate][0]}.Arn}}", declared[route])
            self.assertLess(len(body["paths"]), project.MOST_API_RESOURCES)

    def test_there_is_one_stage(self):
        for api in project.APIS:
            resources = project.translated(api)["Resources"].items()
            stages = {name: r["Properties"] for name, r in resources if r["Type"] == "AWS::ApiGateway::Stage"}
            self.assertEqual({name: stage["StageName"] for name, stage in stages.items()}, {"ApiprodStage": "prod"})
            # with OpenApiVersion the transform makes no second stage named Stage
            deployments = [r for _, r in resources if r["Type"] == "AWS::ApiGateway::Deployment"]
            self.assertNotIn("StageName", deployments[0]["Properties"])

    def test_bodies_arrive_as_bytes(self):
        for api in project.APIS:
            self.assertEqual(rest_api(api)["BinaryMediaTypes"], ["*/*"])


class Responses(unittest.TestCase):
    def test_envelopes(self):
        for api, expected in RESPONSES.items():
            responses = rest_api(api)["GatewayResponses"]
            self.assertLessEqual(set(responses), set(expected))
            for kind, (status, code, text) in expected.items():
                with self.subTest(kind):
                    response = responses.get(kind) or responses[default(kind)]
                    self.assertEqual(response["StatusCode"], status)
                    self.assertEqual(list(response["ResponseTemplates"]), ["application/json"])
                    body = json.loads(response["ResponseTemplates"]["application/json"])
                    detail = DETAILS[api](body)
                    self.assertEqual(json.dumps(body), json.dumps(envelope(api, detail, code)))
                    self.assertTrue(detail.startswith(text), detail)
                    headers = response["ResponseParameters"]["Headers"]
                    self.assertEqual(headers, {**HEADERS[api], **MORE_HEADERS[api].get(status, {})})

    def test_the_transform_keeps_them(self):
        for api, expected in RESPONSES.items():
            resources = project.translated(api)["Resources"].values()
            (body,) = (r["Properties"]["Body"] for r in resources if r["Type"] == "AWS::ApiGateway::RestApi")
            found = body["x-amazon-apigateway-gateway-responses"]
            self.assertEqual(set(found), set(rest_api(api)["GatewayResponses"]))
            self.assertEqual({kind: int((found.get(kind) or found[default(kind)])["statusCode"]) for kind in expected},
                             {kind: status for kind, (status, _, _) in expected.items()})
            challenge = found["UNAUTHORIZED"]["responseParameters"].get("gatewayresponse.header.WWW-Authenticate")
            self.assertEqual(challenge, {"outset": "'Api-Key'", "openscouter": "'Bearer'"}.get(api))


class Plans(unittest.TestCase):
    def test_every_tier_has_a_plan_and_a_key(self):
        for api in project.APIS:
            resources = project.template(api)["Resources"]
            plans = project.of_type("AWS::ApiGateway::UsagePlan", api)
            self.assertEqual(set(plans), {f"{tier}Plan" for tier in TIERS})
            for tier in TIERS:
                plan = resources[f"{tier}Plan"]
                self.assertIn(plan["DependsOn"], project.translated(api)["Resources"])
                self.assertEqual(plan["Properties"]["ApiStages"][0]["Stage"], rest_api(api)["StageName"])
                member = resources[f"{tier}PlanMember"]["Properties"]
                self.assertEqual(member["UsagePlanId"], {"Ref": f"{tier}Plan"})
                self.assertEqual(resources[member["KeyId"]["Ref"]]["Type"], "AWS::ApiGateway::ApiKey")


if __name__ == "__main__":
    unittest.main()
