"""What checks/deploy changes in the templates for its emulator: what it says, and nothing else."""
import copy
import re
import sys
import unittest

import project

sys.path.append(str(project.ROOT / "checks/deployment"))
import translation  # noqa: E402

CALLED = {"x-amazon-apigateway-integration": {"type": "aws_proxy", "httpMethod": "POST", "uri": {"Fn::Sub": "f/${F.Arn}/invocations"}}}


def rest_api(paths, **properties):
    body = {"paths": paths, "securityDefinitions": {
        "gateway_key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
        "Caller": {"type": "apiKey", "x-amazon-apigateway-authtype": "custom", "x-amazon-apigateway-authorizer": {}}}}
    return {"Resources": {"Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": body, **properties}}}}


def operations(made, path):
    return made["Resources"]["Api"]["Properties"]["Body"]["paths"][path]


class Deployment(unittest.TestCase):
    def test_what_is_left_out_is_documented(self):
        text = (project.ROOT / "docs/deploying.md").read_text()
        _, _, section = text.partition("## Without an account")
        rows = re.findall(r"^\| (.+?) \| (.+?) \|$", section.split("\n#")[0], re.MULTILINE)[2:]
        self.assertEqual(rows, list(translation.LEFT_OUT.values()))

    def test_any_is_spelled_out(self):
        nowhere = {project.ANY: copy.deepcopy(CALLED)}
        made, needed = translation.adapted(rest_api({"/a": nowhere, "/b": nowhere, "/c": {"get": copy.deepcopy(CALLED)}}))
        for path in ("/a", "/b"):
            self.assertEqual({method.upper() for method in operations(made, path)}, project.METHODS)
        self.assertEqual((list(operations(made, "/c")), needed["any"]), (["get"], 2))

    def test_streams_are_collected(self):
        streamed = copy.deepcopy(CALLED)
        streamed["x-amazon-apigateway-integration"].update(
            responseTransferMode="STREAM", uri={"Fn::Sub": "path/2021-11-15/functions/${F.Arn}/response-streaming-invocations"})
        made, needed = translation.adapted(rest_api({"/a": {"get": streamed}}))
        integration = operations(made, "/a")["get"]["x-amazon-apigateway-integration"]
        self.assertEqual(integration["uri"], {"Fn::Sub": "path/2015-03-31/functions/${F.Arn}/invocations"})
        self.assertNotIn("responseTransferMode", integration)
        self.assertEqual(needed["streams"], 1)

    def test_keys_are_asked_for_unless_an_authorizer_names_them(self):
        security = [{"gateway_key": [], "Caller": []}]
        for properties, left, number in (({}, {"gateway_key", "Caller"}, 0), ({"ApiKeySourceType": "AUTHORIZER"}, {"Caller"}, 1)):
            called = {**copy.deepcopy(CALLED), "security": copy.deepcopy(security)}
            made, needed = translation.adapted(rest_api({"/a": {"get": called}}, **properties))
            self.assertEqual(set(operations(made, "/a")["get"]["security"][0]), left)
            self.assertEqual(needed["key source"], number)

    def test_the_rest_stays(self):
        for api in (None, *project.APIS):
            made = translation.transformed(translation.template(api), "b", {f"functions/{name}/template.yaml": "https://s3/b/x"
                                                                             for name in project.APIS})
            deployed, _ = translation.adapted(made)
            kinds = {name: resource["Type"] for name, resource in made["Resources"].items()}
            added = {name for name in deployed["Resources"] if name not in kinds}
            self.assertEqual({deployed["Resources"][name]["Type"] for name in added} - {"AWS::ApiGateway::GatewayResponse"}, set())
            for name, kind in kinds.items():
                left = {member: value for member, value in made["Resources"][name].get("Properties", {}).items()
                        if member not in ("ReservedConcurrentExecutions", "TimeToLiveSpecification", "ApiKeySourceType")}
                if kind != "AWS::ApiGateway::RestApi":
                    self.assertEqual(deployed["Resources"][name].get("Properties", {}), left, name)


if __name__ == "__main__":
    unittest.main()
