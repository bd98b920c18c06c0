"""The templates: tables, functions with least privilege, and what the root hands to each API."""
import functools
import json
import pathlib
import re
import unittest

import project

TABLES = {"MainTableArn", "HotTableArn"}
ACTIONS = {"GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "ConditionCheckItem"}
# functions that change nothing but their caller's own bookkeeping
READERS = {"outset-studies-list", "outset-studies-retrieve", "outset-schema-retrieve", "outset-fallback",
           "outsend-auth-me", "outsend-auth-export", "outsend-api-keys-list", "outsend-fallback",
           "outsend-jobs-list", "outsend-jobs-get", "outsend-jobs-items", "outsend-jobs-report", "outsend-jobs-stream",
           "outsend-jobs-download", "outsend-brand-assets-get", "outsend-modules-registry-list", "outsend-webhooks-list",
           "outsend-webhooks-deliveries", "outsend-events-list",
           "openscouter-auth-me", "openscouter-auth-jwks", "openscouter-oauth-metadata",
           "openscouter-me-profile-get", "openscouter-me-exports-get", "openscouter-me-exports-download",
           "openscouter-me-erasure-get", "openscouter-jobs-list", "openscouter-jobs-get", "openscouter-sessions-list",
           "openscouter-sessions-get", "openscouter-sessions-notes-get", "openscouter-ai-get",
           "openscouter-testers-quiz-get", "openscouter-me-consents-list", "openscouter-fallback"}

BOOKKEEPING = {
    "outset": ({"UpdateItem"}, ["KEY#*"]),
    "outsend": ({"PutItem", "UpdateItem"}, ["LOGIN#*", "OSK#*", "USER#*"]),
    "openscouter": ({"UpdateItem"}, ["OSC#*", "CONN#*"]),
}


def camel(crate):
    return "".join(word.capitalize() for word in crate.split("-"))


APART = {"Ref": "SpecialCategoriesApart"}
# who shows or changes a tester's own special-category data, matches testers by it, or does the work that exports, counts and erases it
NEED_SPECIAL = {"openscouter-me-profile-get", "openscouter-me-profile-update", "openscouter-me-consents-delete", "openscouter-proposals-create",
                "openscouter-telegram-job-notify", "openscouter-telegram-send-job", "background-work"}


def statements(properties, api=None):
    """What a function is allowed: its own statements, and those of the API's policies that it has attached."""
    for policy in properties.get("Policies", []):
        if policy == APART:
            continue
        if "Ref" in policy:
            shared = project.template(api)["Resources"][policy["Ref"]]
            assert shared["Type"] == "AWS::IAM::ManagedPolicy", policy
            policy = shared["Properties"]["PolicyDocument"]
        yield from policy["Statement"]


def secret_names(properties):
    """The secrets that a function's environment names: variable and parameter."""
    variables = properties.get("Environment", {}).get("Variables", {})
    return [(variable, value["Ref"]) for variable, value in variables.items() if variable.endswith("_SECRET_NAME")]


def secret_of(statement):
    """The parameter that names the one secret of a statement."""
    return re.fullmatch(r"arn:.*:secret:\$\{(\w+)\}-\?{6}", statement["Resource"]["Fn::Sub"])[1]


def inline(properties):
    """A function's own statements."""
    return [s for policy in properties.get("Policies", []) if "Ref" not in policy for s in policy["Statement"]]


def leading_keys(statement):
    return statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys")


# a kind of item, one item of a kind, the ranked lists of a name, or the pending changes of one
KEYS = re.compile(r"[A-Z]+(#(\*|[A-Z]+))?|RANK#(\*#)?[a-z]+\*|SPECIAL#MATCH#\*|WORK#[a-z]+#\*")


def each_function(test):
    """Runs a test once for each function."""
    @functools.wraps(test)
    def run(self):
        for api in project.APIS:
            for crate, (name, resource, properties) in project.functions(api).items():
                with self.subTest(crate):
                    test(self, api=api, crate=crate, name=name, resource=resource, properties=properties)
    return run


class Root(unittest.TestCase):
    def test_tables(self):
        tables = project.of_type("AWS::DynamoDB::Table")
        self.assertEqual(set(tables), {"MainTable", "HotTable"})
        for name, table in tables.items():
            properties = table["Properties"]
            self.assertEqual(properties["BillingMode"], "PAY_PER_REQUEST", name)
            keys = [(key["AttributeName"], key["KeyType"]) for key in properties["KeySchema"]]
            self.assertEqual(keys, [("pk", "HASH"), ("sk", "RANGE")], name)
            self.assertEqual(properties["TimeToLiveSpecification"], {"AttributeName": "ttl", "Enabled": True}, name)
            self.assertNotIn("TableName", properties, f"{name}: a fixed name hinders replacement and second stacks")
        main, hot = tables["MainTable"], tables["HotTable"]
        self.assertEqual(main["DeletionPolicy"], "Retain")
        self.assertEqual(main["Properties"]["StreamSpecification"], {"StreamViewType": "NEW_AND_OLD_IMAGES"})
        self.assertTrue(main["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"])
        self.assertNotIn("StreamSpecification", hot["Properties"], "short-lived writes must not flood a stream")

    def test_every_api_is_nested_with_its_parameters(self):
        applications = project.of_type("AWS::Serverless::Application")
        locations = {application["Properties"]["Location"] for application in applications.values()}
        self.assertEqual(locations, {f"functions/{api}/template.yaml" for api in project.APIS})
        for application in applications.values():
            api = application["Properties"]["Location"].split("/")[1]
            declared = project.template(api)["Parameters"]
            given = application["Properties"]["Parameters"]
            self.assertLessEqual(set(given), set(declared))
            needed = {name for name, parameter in declared.items() if "Default" not in parameter}
            self.assertLessEqual(needed, set(given))
            for name, value in given.items():
                source = project.template()["Parameters"].get(value.get("Ref"))
                if source:
                    for member in ("Type", "Default"):
                        self.assertEqual(source.get(member), declared[name].get(member), f"{name}.{member}")

    def test_background_functions(self):
        folder = project.ROOT / "functions/background"
        crates = {f"background-{manifest.parent.name}" for manifest in folder.glob("*/Cargo.toml")}
        self.assertEqual(project.background(), crates)
        for name, resource in project.of_type(project.FUNCTION).items():
            crate = pathlib.PurePosixPath(resource["Properties"]["CodeUri"]).name
            self.assertEqual(name, camel(crate))
            for statement in statements(resource["Properties"]):
                self.assertNotIn("*", statement["Action"])
                self.assertNotEqual(statement["Resource"], "*")
                if statement["Action"][0].startswith("dynamodb:"):
                    self.assert_confined(statement)

    def assert_confined(self, statement):
        keys = leading_keys(statement)
        self.assertTrue(keys, "what is read and written is confined to its keys")
        self.assertEqual(statement["Condition"]["Null"], {"dynamodb:LeadingKeys": "false"}, "a call without keys")
        for key in keys:
            self.assertTrue(KEYS.fullmatch(key), key)

    def test_what_is_missed_is_kept(self):
        """Schedules and stream mappings give up in time, and what they could not bring ends in a queue."""
        resources = project.template()["Resources"]
        for name, resource in resources.items():
            events = resource.get("Properties", {}).get("Events", {}) if isinstance(resource.get("Properties"), dict) else {}
            for event, declared in events.items():
                properties = declared["Properties"]
                with self.subTest(function=name, event=event):
                    if declared["Type"] == "DynamoDB":
                        self.assertTrue(properties["BisectBatchOnFunctionError"])
                        self.assertLessEqual(properties["MaximumRetryAttempts"], 3)
                        queue = properties["DestinationConfig"]["OnFailure"]["Destination"]
                    else:
                        self.assertEqual((declared["Type"], properties["GroupName"]), ("ScheduleV2", {"Ref": "Schedules"}))
                        self.assertLessEqual(properties["RetryPolicy"]["MaximumRetryAttempts"], 2)
                        self.assertLessEqual(properties["RetryPolicy"]["MaximumEventAgeInSeconds"], 3600)
                        queue = properties["DeadLetterConfig"]["Arn"]
                        # the schedule is done when Lambda has the event: what the function fails on, Lambda tells
                        invoked = resource["Properties"]["EventInvokeConfig"]
                        for member in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds"):
                            self.assertEqual(invoked[member], properties["RetryPolicy"][member])
                        self.assertEqual(invoked["DestinationConfig"], {"OnFailure": {"Type": "SQS", "Destination": queue}})
                    self.assertEqual(resources[queue["Fn::GetAtt"][0]]["Type"], "AWS::SQS::Queue")

    def test_what_goes_wrong_is_told(self):
        """Each queue of what was missed, stream, table and API has its alarms, and the dashboard is JSON."""
        resources = project.template()["Resources"]
        watched = [dimension["Value"] for resource in resources.values() if resource["Type"] == "AWS::CloudWatch::Alarm"
                   for dimension in resource["Properties"].get("Dimensions", [])]
        for name, resource in resources.items():
            streams = [event for event in resource.get("Properties", {}).get("Events", {}).values() if event["Type"] == "DynamoDB"]
            with self.subTest(resource=name):
                if resource["Type"] == "AWS::SQS::Queue":
                    self.assertIn({"Fn::GetAtt": [name, "QueueName"]}, watched)
                elif resource["Type"] == "AWS::DynamoDB::Table" or streams:
                    self.assertIn({"Ref": name}, watched)
        body = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        self.assertEqual(len(json.loads(body)["widgets"]), 6)
        for api in project.APIS:
            alarm = project.template(api)["Resources"]["FaultsAlarm"]["Properties"]
            self.assertEqual((alarm["MetricName"], alarm["AlarmActions"]), ("5XXError", [{"Ref": "Alarms"}]))

    def test_special_categories_are_apart(self):
        policy = project.template()["Resources"]["SpecialCategoriesApart"]
        self.assertEqual(policy["Type"], "AWS::IAM::ManagedPolicy")
        self.assertEqual(policy["Properties"]["PolicyDocument"]["Statement"], [{
            "Effect": "Deny",
            "Action": ["dynamodb:*"],
            "Resource": {"Fn::GetAtt": ["MainTable", "Arn"]},
            "Condition": {"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": ["SPECIAL#*"]}},
        }])
        every = [(pathlib.PurePosixPath(resource["Properties"]["CodeUri"]).name, resource["Properties"])
                 for resource in project.of_type(project.FUNCTION).values()]
        for api in project.APIS:
            every += [(crate, properties) for crate, (_, _, properties) in project.functions(api).items()]
        for crate, properties in every:
            with self.subTest(crate):
                policies = properties.get("Policies", [])
                self.assertEqual(APART in policies, bool(policies) and crate not in NEED_SPECIAL)

    def test_parameters_are_grouped_and_documented(self):
        """Each is in one group, has a label there and a description, and a row of docs/deploying.md with its default."""
        template = project.template()
        interface = template["Metadata"]["AWS::CloudFormation::Interface"]
        grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
        self.assertEqual(sorted(grouped), sorted(template["Parameters"]))
        self.assertEqual(list(interface["ParameterLabels"]), grouped)
        text = (project.ROOT / "docs/deploying.md").read_text()
        _, _, section = text.partition("\n## Parameters\n")
        rows = re.findall(r"^\| (`.+?) \| (.+?) \| (.+) \|$", section.split("\n## ")[0], re.MULTILINE)
        documented = {name: default for names, defaults, _ in rows
                      for name, default in zip(re.findall(r"`(\w+)`", names), self.defaults(names, defaults), strict=True)}
        self.assertEqual(set(documented), set(template["Parameters"]))
        for name, parameter in template["Parameters"].items():
            with self.subTest(parameter=name):
                told = documented[name].strip("`")
                if "Default" not in parameter:
                    self.assertIn("none: say it", told)
                elif name != "OpenScouterJwks":
                    self.assertEqual("" if told == "empty" else told, str(parameter["Default"]))
        for api in [None, *project.APIS]:
            for name, parameter in project.template(api)["Parameters"].items():
                self.assertTrue(parameter.get("Description"), f"{api or 'root'}: {name}")

    @staticmethod
    def defaults(names, defaults):
        """The default of each name of a row: one for all of them, or one for each."""
        number = names.count("`") // 2
        told = defaults.split(", ")
        return told if len(told) == number else [defaults] * number

    def test_host_names(self):
        """One host name for all three APIs or one each; OpenScouter, whose well-known documents must stand at the root, has it."""
        template, resources = project.template(), project.template()["Resources"]
        mappings = {name: resource["Properties"] for name, resource in resources.items()
                    if resource["Type"] == "AWS::ApiGateway::BasePathMapping"}
        places = {(mapping["DomainName"]["Ref"], mapping.get("BasePath")): mapping["RestApiId"]["Fn::GetAtt"][0]
                  for mapping in mappings.values()}
        self.assertEqual(places, {
            ("SharedHost", None): "OpenScouter", ("SharedHost", "outset"): "Outset", ("SharedHost", "outsend"): "Outsend",
            ("OutsetHost", None): "Outset", ("OutsendHost", None): "Outsend", ("OpenScouterHost", None): "OpenScouter"})
        for name, mapping in mappings.items():
            with self.subTest(resource=name):
                self.assertEqual(resources[name]["Condition"], resources[mapping["DomainName"]["Ref"]]["Condition"])
                self.assertEqual(mapping["Stage"], "prod")
        # the documents are paths of the API itself, with no prefix that a host name would have to hide
        documents = {path for path, method in project.routes("openscouter") if path.startswith("/.well-known/") and method == "GET"}
        self.assertLessEqual({"/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource/api/mcp"}, documents)

    def test_public_urls_follow_the_host_names(self):
        """What an API is told of its public URL: the parameter, its own host name, that of all three, in this order."""
        for api, path in (("Outset", "/outset"), ("Outsend", "/outsend"), ("OpenScouter", "")):
            of_all = {"Fn::If": ["HasDomain", {"Fn::Sub": "https://${Domain}" + path}, ""]}
            own = {"Fn::If": [f"Has{api}Domain", {"Fn::Sub": "https://${" + api + "Domain}"}, of_all]}
            wanted = {"Fn::If": [f"Has{api}Url", {"Ref": f"{api}PublicUrl"}, own]}
            application = project.template()["Resources"][api]["Properties"]["Parameters"]
            self.assertEqual(application["PublicUrl"], wanted)
            for function in project.of_type(project.FUNCTION).values():
                variables = function["Properties"].get("Environment", {}).get("Variables", {})
                told = variables.get(f"OUTSCOUT_{api.upper()}_PUBLIC_URL")
                if told:
                    self.assertEqual(json.dumps(told)[:60], json.dumps(wanted)[:60])

    def test_tracing_is_a_switch(self):
        """Off, nothing is traced and no function may send traces; on, all of them and each stage."""
        for api in [None, *project.APIS]:
            for mode in ("Disabled", "Active"):
                on = mode == "Active"
                for name, resource in project.translated(api, Tracing=mode)["Resources"].items():
                    properties = resource.get("Properties", {})
                    with self.subTest(api=api, mode=mode, resource=name):
                        if resource["Type"] == "AWS::Lambda::Function":
                            self.assertEqual(properties.get("TracingConfig"), {"Mode": {"Ref": "Tracing"}} if on else None)
                        if resource["Type"] == "AWS::IAM::Role" and "lambda.amazonaws.com" in str(properties["AssumeRolePolicyDocument"]):
                            self.assertEqual("xray" in str(properties["ManagedPolicyArns"]).lower(), on)
                        if resource["Type"] == "AWS::ApiGateway::Stage":
                            self.assertEqual(properties["TracingEnabled"], {"Fn::If": ["IsTraced", True, False]})
        for application in project.of_type("AWS::Serverless::Application").values():
            self.assertEqual(application["Properties"]["Parameters"]["Tracing"], {"Ref": "Tracing"})

    def test_a_stack_stays_below_its_limit(self):
        for api in [None, *project.APIS]:
            count = len(project.translated(api)["Resources"])
            print(f"{api or 'root'}: {count} resources")
            self.assertLess(count, project.MOST_RESOURCES)


class Functions(unittest.TestCase):
    def test_folders(self):
        for api in project.APIS:
            self.assertEqual(set(project.functions(api)), project.crates(api))

    @each_function
    def test_names_and_builds(self, crate, name, resource, properties, **_):
        self.assertEqual(name, camel(crate))
        self.assertEqual(properties["CodeUri"], f"../../target/lambda/{crate}")
        self.assertEqual(resource["Metadata"], {"SkipBuild": True})
        self.assertEqual(properties["Runtime"], "provided.al2023")
        self.assertEqual(properties["Architectures"], [{"Ref": "Architecture"}])
        self.assertEqual(properties["Handler"], "bootstrap")
        events = [event["Properties"] for event in properties.get("Events", {}).values() if event["Type"] == "Api"]
        streams = [event for event in events if event.get("ResponseTransferMode") == "RESPONSE_STREAM"]
        self.assertIn(len(streams), (0, len(events)), "a function streams all of its answers, or none")
        self.assertLessEqual(properties["Timeout"], 900 if streams else 29, "the gateway waits no longer")

    def test_streamed_routes_are_streamed_by_the_gateway(self):
        for api in project.APIS:
            declared = {
                (event["Properties"]["Path"], event["Properties"]["Method"].lower()): event["Properties"]["TimeoutInMillis"]
                for _, _, properties in project.functions(api).values()
                for event in properties.get("Events", {}).values()
                if event["Properties"].get("ResponseTransferMode")
            }
            translated = {}
            for resource in project.translated(api)["Resources"].values():
                if resource["Type"] == "AWS::ApiGateway::RestApi":
                    for path, methods in resource["Properties"]["Body"]["paths"].items():
                        for method, operation in methods.items():
                            integration = operation.get("x-amazon-apigateway-integration", {})
                            if integration.get("responseTransferMode"):
                                self.assertEqual(integration["responseTransferMode"], "STREAM")
                                self.assertIn("response-streaming-invocations", str(integration["uri"]))
                                translated[path, method] = integration["timeoutInMillis"]
            self.assertEqual(translated, declared)

    def test_logs_end(self):
        for api in [None, *project.APIS]:
            (group,) = project.of_type("AWS::Logs::LogGroup", api).items()
            self.assertEqual(group[1]["Properties"]["RetentionInDays"], {"Ref": "LogDays"})
            for name, resource in project.translated(api)["Resources"].items():
                if resource["Type"] == "AWS::Lambda::Function":
                    logging = resource["Properties"]["LoggingConfig"]
                    self.assertEqual(logging, {"LogFormat": "JSON", "LogGroup": {"Ref": group[0]}}, name)

    @each_function
    def test_least_privilege(self, api, crate, properties, **_):
        secrets = {name for variable, name in secret_names(properties)}
        for statement in statements(properties, api):
            self.assertEqual(statement["Effect"], "Allow")
            if statement["Action"] == ["secretsmanager:GetSecretValue"]:
                secrets.remove(secret_of(statement))
                continue
            if any(action.startswith("s3:") for action in statement["Action"]):
                self.assertEqual(crate, "outsend-brand-assets-get")
                below = {"s3:GetObject": ":${AssetsBucket}/brand-assets/*", "s3:ListBucket": ":${AssetsBucket}"}
                (action,) = statement["Action"]
                self.assertTrue(statement["Resource"]["Fn::Sub"].endswith(below[action]))
                continue
            self.assertIn(statement["Resource"].get("Ref"), TABLES)
            services, actions = zip(*(action.split(":") for action in statement["Action"]))
            self.assertEqual(set(services), {"dynamodb"})
            self.assertLessEqual(set(actions), ACTIONS)
            keys = leading_keys(statement)
            self.assertTrue(keys, "what is read and written is confined to its keys")
            self.assertEqual(statement["Condition"]["Null"], {"dynamodb:LeadingKeys": "false"}, "a call without keys")
            for key in keys:
                self.assertTrue(KEYS.fullmatch(key), key)
            writes = set(actions) - {"GetItem", "BatchGetItem", "Query"}
            if statement["Resource"]["Ref"] == "MainTableArn" and crate in READERS and writes:
                actions, noted = BOOKKEEPING[api]
                self.assertLessEqual(writes, actions, "only a credential's use is noted")
                self.assertLessEqual(set(keys), set(noted), "only a credential's use is noted")
        self.assertEqual(secrets, set(), "a secret that is named may be read")

    @each_function
    def test_shared_policies(self, api, crate, properties, **_):
        attached = [policy["Ref"] for policy in properties.get("Policies", []) if "Ref" in policy]
        self.assertEqual("RateWindows" in attached, not crate.endswith("-fallback"), "every request counts")
        # what is shared is not said again
        shared = [s for name in attached if name != "SpecialCategoriesApart"
                  for s in project.template(api)["Resources"][name]["Properties"]["PolicyDocument"]["Statement"]]
        for statement in inline(properties):
            self.assertNotIn(statement, shared)

    @each_function
    def test_environment(self, properties, **_):
        folder = project.ROOT / "shared/src/config"
        source = "".join(file.read_text() for file in sorted(folder.glob("*.rs")))
        read = set(re.findall(r'"((?:OUTSCOUT|AWS)_[A-Z0-9_]+)"', source))
        needed = set(re.findall(r'required\("(OUTSCOUT_[A-Z_]+_TABLE)"\)', source))
        self.assertTrue(needed)
        given = set(properties["Environment"]["Variables"])
        self.assertLessEqual(given, read)
        self.assertLessEqual(needed, given)

    def test_the_transform_keeps_the_policies(self):
        for api in project.APIS:
            resources = project.translated(api)["Resources"]
            for crate, (name, _, properties) in project.functions(api).items():
                role = resources[f"{name}Role"]["Properties"]
                basic, *attached = role["ManagedPolicyArns"]
                self.assertIn("AWSLambdaBasicExecutionRole", str(basic))
                self.assertEqual(attached, [policy for policy in properties.get("Policies", []) if "Ref" in policy], crate)
                granted = [s for policy in role.get("Policies", []) for s in policy["PolicyDocument"]["Statement"]]
                self.assertEqual(granted, inline(properties), crate)


if __name__ == "__main__":
    unittest.main()
