"""The gateway in front of each API: routes, its own answers, usage plans."""
import json
import re
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
        "INVALID_API_KEY": (500, *ERROR),
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
    "INVALID_API_KEY": (500, None, "Internal server error."),
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
    "INVALID_API_KEY": FAULT,
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
# the challenge of the MCP server (openscouter 19.1), which says where its metadata are when the stack knows
MCP = "'Bearer resource_metadata=\"${PublicUrl}/.well-known/oauth-protected-resource/api/mcp\"'"
CHALLENGE = {"Fn::If": ["HasPublicUrl", {"Fn::Sub": MCP}, "'Bearer'"]}
# which a client in a page reads, whosever the page is
ANY_PAGE = {
    "Access-Control-Allow-Origin": "'*'",
    "Access-Control-Expose-Headers": "'X-Request-Id, WWW-Authenticate'",
}
# pool keys of each tier
TIERS = {"Free": 4, "Pro": 4, "Anonymous": 8}
# of a pool key: callers at four times their limit
POOL = 50
# where the contracts say what a tier may send in a minute: the file's lines
LIMITS = {
    "outset": {
        "Free": r"^\| keys of a free organization \| (\d+) in 60 s \|",
        "Pro": r"^\| keys of a pro organization \| (\d+) in 60 s \|",
        "Anonymous": r"^\| unauthenticated: .* \| (\d+) in 60 s \|",
    },
    "outsend": {
        "Free": r"^\| R:free \| (\d+) / 1 min /",
        "Pro": r"^\| R:pro \| (\d+) / 1 min /",
        "Anonymous": r"^\| R:anon \| (\d+) / 1 min /",
    },
    "openscouter": {
        "Free": r"^\| `free` \| (\d+) requests \|",
        "Pro": r"^\| `pro` \| (\d+) requests \|",
        "Anonymous": r"^\| `unauthenticated` \| (\d+) requests \|",
    },
}


def limit(api, tier):
    """Requests of one caller in a minute, as the contract has it."""
    contract = (project.ROOT / f"docs/contracts/{api}.md").read_text()
    (number,) = re.findall(LIMITS[api][tier], contract, re.MULTILINE)
    return int(number)



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
                    more = MORE_HEADERS[api].get(status, {})
                    if (api, kind) == ("openscouter", "UNAUTHORIZED"):
                        more = {"WWW-Authenticate": CHALLENGE, **ANY_PAGE}
                    self.assertEqual(headers, {**HEADERS[api], **more})

    def test_the_transform_keeps_them(self):
        for api, expected in RESPONSES.items():
            resources = project.translated(api)["Resources"].values()
            (body,) = (r["Properties"]["Body"] for r in resources if r["Type"] == "AWS::ApiGateway::RestApi")
            found = body["x-amazon-apigateway-gateway-responses"]
            self.assertEqual(set(found), set(rest_api(api)["GatewayResponses"]))
            self.assertEqual({kind: int((found.get(kind) or found[default(kind)])["statusCode"]) for kind in expected},
                             {kind: status for kind, (status, _, _) in expected.items()})
            challenge = found["UNAUTHORIZED"]["responseParameters"].get("gatewayresponse.header.WWW-Authenticate")
            self.assertEqual(challenge, {"outset": "'Api-Key'", "openscouter": CHALLENGE}.get(api))


class Authorizers(unittest.TestCase):
    def test_every_method_but_options_has_one_and_needs_a_key(self):
        for api in project.APIS:
            for resource in project.translated(api)["Resources"].values():
                if resource["Type"] != "AWS::ApiGateway::RestApi":
                    continue
                self.assertEqual(resource["Properties"]["ApiKeySourceType"], "AUTHORIZER")
                for path, methods in resource["Properties"]["Body"]["paths"].items():
                    for method, operation in methods.items():
                        called = (api, path, method) in MCP_CALLS
                        needed = [] if method == "options" else [{"Mcp" if called else "Gateway": []}, {"api_key": []}]
                        self.assertEqual(operation.get("security", []), needed, f"{api} {method} {path}")

    def test_it_never_stands_in_the_way(self):
        for api in project.APIS:
            auth = rest_api(api)["Auth"]
            self.assertEqual(rest_api(api)["Variables"], {"api": api}, "it tells the APIs apart by this")
            resources = project.translated(api)["Resources"].values()
            (body,) = (r["Properties"]["Body"] for r in resources if r["Type"] == "AWS::ApiGateway::RestApi")
            for name in auth["Authorizers"]:
                scheme = body["components"]["securitySchemes"][name]["x-amazon-apigateway-authorizer"]
                self.assertEqual((scheme["type"], scheme["authorizerResultTtlInSeconds"]), ("request", 0))
                self.assertEqual(scheme["authorizerUri"]["Fn::Sub"][1], {"__FunctionArn__": "value"})
                source = "method.request.header.Authorization" if name == "Mcp" else None
                self.assertEqual(scheme.get("identitySource"), source, "the gateway refuses by itself who lacks it")
            allowed = [r["Properties"]["FunctionName"] for r in resources if r["Type"] == "AWS::Lambda::Permission"]
            self.assertIn("value", allowed, "the gateway may call it")

    def test_all_apis_have_the_same_one(self):
        for application in project.of_type("AWS::Serverless::Application").values():
            given = application["Properties"]["Parameters"]
            self.assertEqual(given["AuthorizerArn"], {"Fn::GetAtt": ["BackgroundAuthorizer", "Arn"]})
            authorizer = project.template()["Resources"]["BackgroundAuthorizer"]["Properties"]
            self.assertEqual(given["GatewayKeys"], authorizer["Environment"]["Variables"]["OUTSCOUT_GATEWAY_KEYS"])


# what the gateway itself challenges when it comes without a credential
MCP_CALLS = {("openscouter", "/api/mcp", "post"), ("openscouter", "/api/mcp/mcp", "post")}


class Plans(unittest.TestCase):
    def test_every_tier_has_its_plans(self):
        for api in project.APIS:
            plans = project.of_type("AWS::ApiGateway::UsagePlan", api)
            self.assertEqual(set(plans), {"FreePlan", "ProPlan"} | {f"{tier}PoolPlan" for tier in TIERS})
            for plan in plans.values():
                self.assertIn(plan["DependsOn"], project.translated(api)["Resources"])
                self.assertEqual(plan["Properties"]["ApiStages"][0]["Stage"], rest_api(api)["StageName"])

    def test_their_numbers_follow_from_the_contracts(self):
        for api in project.APIS:
            plans = project.of_type("AWS::ApiGateway::UsagePlan", api)
            for tier in TIERS:
                rate = 4 * limit(api, tier) // 60
                pool = plans[f"{tier}PoolPlan"]["Properties"]["Throttle"]
                self.assertEqual(pool, {"RateLimit": POOL * rate, "BurstLimit": 2 * POOL * rate}, f"{api} {tier}")
                if tier != "Anonymous":
                    # two windows that meet, of an organization's sessions and of its keys, may come at once
                    own = plans[f"{tier}Plan"]["Properties"]["Throttle"]
                    self.assertEqual(own, {"RateLimit": rate, "BurstLimit": 4 * limit(api, tier)}, f"{api} {tier}")

    def test_the_pool_keys(self):
        for api in project.APIS:
            keys = project.of_type("AWS::ApiGateway::ApiKey", api)
            members = project.of_type("AWS::ApiGateway::UsagePlanKey", api)
            expected = {f"{tier}PoolKey{n}": (tier, n) for tier, count in TIERS.items() for n in range(count)}
            self.assertEqual(set(keys), set(expected))
            self.assertEqual(set(members), {f"{name}Member" for name in expected})
            for name, (tier, number) in expected.items():
                value = keys[name]["Properties"]["Value"]
                self.assertEqual(value, {"Fn::Sub": f"{api}-{tier.lower()}-{number}-${{GatewayKeys}}"})
                self.assertEqual(members[f"{name}Member"]["Properties"], {
                    "KeyId": {"Ref": name}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": f"{tier}PoolPlan"}})


if __name__ == "__main__":
    unittest.main()
