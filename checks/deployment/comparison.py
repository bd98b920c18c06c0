"""What was deployed, as the services themselves tell it, against what the templates, the list of linked functions and the schema
documents say: all of it and nothing else."""
import fnmatch
import json
import re
import tomllib

import translation
from values import text

GATEWAY = "apigateway.amazonaws.com"


class Comparison:
    """Collects differences (`problems`) and what was counted (`counted`)."""

    def __init__(self, clients, root, apis, templates):
        """`apis` are the nested stacks by name, `templates` what the transform made and what was deployed, by name."""
        self.clients, self.root, self.apis, self.templates = clients, root, apis, templates
        self.stacks = {None: root, **apis}
        self.problems, self.counted = [], {}
        self.routes = {}

    def same(self, what, deployed, wanted):
        if deployed == wanted:
            return
        if isinstance(deployed, (set, dict)) and isinstance(wanted, (set, dict)):
            for key in sorted(wanted - deployed if isinstance(wanted, set) else wanted.keys() - deployed.keys(), key=str):
                self.problems.append(f"{what}: {key} is not deployed")
            for key in sorted(deployed - wanted if isinstance(wanted, set) else deployed.keys() - wanted.keys(), key=str):
                self.problems.append(f"{what}: {key} is deployed and nothing says so")
            if isinstance(wanted, dict) and isinstance(deployed, dict):
                for key in wanted.keys() & deployed.keys():
                    self.same(f"{what}, {key}", deployed[key], wanted[key])
        else:
            self.problems.append(f"{what}: deployed is {shown(deployed)}, and not {shown(wanted)}")

    def count(self, what, number):
        self.counted[what] = self.counted.get(what, 0) + number

    def all(self):
        for api in self.stacks:
            self.stack(api)
        self.functions()
        self.managed_policies()
        self.tables()
        self.buckets()
        self.linked()
        for api in self.apis:
            self.api(api)
            self.documented(api)
        self.same("APIs", {each["id"] for each in self.pages("apigateway", "get_rest_apis", "items")},
                  {stack.physical(self.of_type(api, "AWS::Serverless::Api")[0]) for api, stack in self.apis.items()})
        self.plans()
        self.invocation_permissions()
        self.schedules()
        self.mappings()

    def pages(self, service, operation, member, **arguments):
        client = self.clients(service)
        if not client.can_paginate(operation):
            return getattr(client, operation)(**arguments)[member]
        return [each for page in client.get_paginator(operation).paginate(**arguments) for each in page[member]]

    def of_type(self, api, kind):
        return [name for name, resource in self.stacks[api].source["Resources"].items() if resource["Type"] == kind
                and ("Condition" not in resource or self.stacks[api].holds(resource["Condition"]))]

    def stack(self, api):
        """Each resource of the template whose condition holds stands."""
        stack, (_, deployed) = self.stacks[api], self.templates[api]
        wanted = {name: "CREATE_COMPLETE" for name, resource in deployed["Resources"].items()
                  if "Condition" not in resource or stack.holds(resource["Condition"])}
        found = {name: each["ResourceStatus"] for name, each in stack.resources.items()}
        self.same(f"resources of {api or 'the root'}", found, wanted)
        self.count("resources", len(found))

    # functions

    def declared(self, api):
        """Functions of a template by logical id, with what it says for all of them."""
        source = self.stacks[api].source
        shared = source["Globals"]["Function"]
        for name in self.of_type(api, translation.FUNCTION):
            own = source["Resources"][name]["Properties"]
            properties = {**shared, **own}
            for member in ("Environment", "LoggingConfig"):
                properties[member] = merged(shared.get(member, {}), own.get(member, {}))
            yield name, properties

    def functions(self):
        found = {each["FunctionName"]: each for each in self.pages("lambda", "list_functions", "Functions")}
        wanted = {stack.physical(name) for api, stack in self.stacks.items() for name, _ in self.declared(api)}
        self.same("functions", set(found), wanted)
        self.count("functions", len(found))
        for api, stack in self.stacks.items():
            for name, properties in self.declared(api):
                if stack.physical(name) in found:
                    self.function(stack, name, properties, found[stack.physical(name)])
                    self.role(api, name, properties, found[stack.physical(name)]["Role"])

    def function(self, stack, name, properties, found):
        variables = stack.value(properties["Environment"]["Variables"])
        self.same(f"{name}, environment", {key: text(value) for key, value in found["Environment"]["Variables"].items()},
                  {key: text(value) for key, value in variables.items()})
        self.count("variables", len(variables))
        for member in ("Timeout", "MemorySize", "Runtime", "Handler", "Architectures"):
            self.same(f"{name}, {member}", text(found[member]), text(stack.value(properties[member])))
        self.same(f"{name}, log", {key: found["LoggingConfig"].get(key) for key in properties["LoggingConfig"]},
                  stack.value(properties["LoggingConfig"]))

    def role(self, api, name, properties, arn):
        """The role has the policies that the template writes and attaches, and what the transform adds for the events."""
        stack, (made, _), client = self.stacks[api], self.templates[api], self.clients("iam")
        role = arn.rsplit("/", 1)[1]
        self.same(f"{name}, role", role, stack.physical(f"{name}Role"))
        wanted = made["Resources"][f"{name}Role"]["Properties"]
        inline = {policy["PolicyName"]: stack.value(policy["PolicyDocument"]) for policy in wanted.get("Policies", [])}
        found = {policy: client.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
                 for policy in self.pages("iam", "list_role_policies", "PolicyNames", RoleName=role)}
        self.same(f"{name}, policies", found, inline)
        attached = {each["PolicyArn"] for each in self.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=role)}
        self.same(f"{name}, attached policies", attached, set(stack.value(wanted["ManagedPolicyArns"])))
        written = [stack.value(policy) for policy in properties.get("Policies", [])]
        for policy in written:
            there = attached if isinstance(policy, str) else list(found.values())
            if policy not in there:
                self.problems.append(f"{name}: {shown(policy)} is written and not deployed")
        self.count("policies", len(found) + len(attached))

    def managed_policies(self):
        client = self.clients("iam")
        for api, stack in self.stacks.items():
            for name in self.of_type(api, "AWS::IAM::ManagedPolicy"):
                policy = client.get_policy(PolicyArn=stack.physical(name))["Policy"]
                version = client.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])["PolicyVersion"]
                wanted = stack.value(stack.source["Resources"][name]["Properties"]["PolicyDocument"])
                self.same(f"{name} of {api or 'the root'}", version["Document"], wanted)

    def linked(self):
        """`outscout` links the functions that are deployed, and no others."""
        packages = tomllib.loads((translation.ROOT / "local/Cargo.toml").read_text())["dependencies"]
        linked = {name for name, source in packages.items() if "functions/" in source.get("path", "")}
        deployed = {crate for stack in self.stacks.values() for crate in translation.crates(stack.source).values()}
        self.same("functions that outscout links", deployed, linked)

    def tables(self):
        client = self.clients("dynamodb")
        for name in self.of_type(None, "AWS::DynamoDB::Table"):
            table, wanted = self.root.physical(name), self.root.source["Resources"][name]["Properties"]
            found = client.describe_table(TableName=table)["Table"]
            self.same(f"{name}, keys", found["KeySchema"], wanted["KeySchema"])
            self.same(f"{name}, stream", found.get("StreamSpecification", {}).get("StreamViewType"),
                      wanted.get("StreamSpecification", {}).get("StreamViewType"))

    def buckets(self):
        client = self.clients("s3")
        for name in self.of_type(None, "AWS::S3::Bucket"):
            bucket, wanted = self.root.physical(name), self.root.value(self.root.source["Resources"][name]["Properties"])
            shut = client.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
            self.same(f"{name}, public access", shut, wanted["PublicAccessBlockConfiguration"])
            # of a bucket that a stack makes, the emulator forgets the lifecycle

    # the APIs

    def api(self, api):
        stack, (made, _) = self.stacks[api], self.templates[api]
        (name,) = self.of_type(api, "AWS::Serverless::Api")
        gateway, source = stack.physical(name), stack.source["Resources"][name]["Properties"]
        resources = self.pages("apigateway", "get_resources", "items", restApiId=gateway, embed=["methods"])
        methods = {(each["path"], method): told for each in resources for method, told in each.get("resourceMethods", {}).items()}
        self.routes[api] = {route: stack.logical(integrated(told)) for route, told in methods.items()}
        wanted = self.declared_routes(api, source)
        self.same(f"routes of {api}", self.routes[api], wanted)
        self.count("routes", len(self.routes[api]))
        stages = {each["stageName"] for each in self.clients("apigateway").get_stages(restApiId=gateway)["item"]}
        self.same(f"stages of {api}", stages, {source["StageName"]})
        body = made["Resources"][name]["Properties"]["Body"]
        self.authorizers(api, gateway, body, methods)
        found = {each["responseType"]: (each.get("statusCode"), each.get("responseParameters", {}), each.get("responseTemplates", {}))
                 for each in self.pages("apigateway", "get_gateway_responses", "items", restApiId=gateway)
                 if not each.get("defaultResponse")}
        refusals = {kind: (told["statusCode"], told.get("responseParameters", {}), told.get("responseTemplates", {}))
                    for kind, told in stack.value(body.get(translation.REFUSALS, {})).items()}
        self.same(f"gateway responses of {api}", found, refusals)

    def declared_routes(self, api, source):
        """(path, method) to function, as the events and the definition say it, with ANY spelled out."""
        found = {}

        def add(path, method, function):
            for each in translation.METHODS if method == "ANY" else [method]:
                if (path, each) in found:
                    self.problems.append(f"{api}: {each} {path} is declared twice")
                found[path, each] = function
        for name, properties in self.declared(api):
            for event in properties.get("Events", {}).values():
                if event["Type"] == "Api":
                    add(event["Properties"]["Path"], event["Properties"]["Method"].upper(), name)
        for path, operations in source.get("DefinitionBody", {}).get("paths", {}).items():
            for method, operation in operations.items():
                uri = operation[translation.INTEGRATION]["uri"]["Fn::Sub"]
                name = re.search(r"functions/\$\{(\w+)\.Arn\}", uri)[1]
                add(path, "ANY" if method == translation.ANY else method.upper(), name)
        return found

    def authorizers(self, api, gateway, body, methods):
        """Each method is let through by whom the transformed definition names."""
        schemes = body.get("securityDefinitions") or body.get("components", {}).get("securitySchemes", {})
        custom = {name for name, scheme in schemes.items() if "x-amazon-apigateway-authorizer" in scheme}
        names = {each["id"]: each["name"] for each in self.pages("apigateway", "get_authorizers", "items", restApiId=gateway)}
        self.same(f"authorizers of {api}", set(names.values()), custom)
        self.count("authorizers", len(names))
        wanted = {}
        for path, operations in body["paths"].items():
            for method, operation in operations.items():
                named = {scheme for requirement in operation.get("security") or [] for scheme in requirement} & custom
                for each in translation.METHODS if method == translation.ANY else [method.upper()]:
                    wanted.setdefault((path, each), next(iter(named), None))
        found = {route: names.get(told.get("authorizerId")) for route, told in methods.items()}
        self.same(f"authorizers of {api}'s methods", found, wanted)

    def documented(self, api):
        """Each operation of the schema document has a route, and not to the fallback."""
        document = json.loads((translation.ROOT / f"openapi/{api}.json").read_text())
        crates = translation.crates(self.stacks[api].source)
        for path, operations in document["paths"].items():
            for method in operations:
                function = self.routes[api].get((path.rstrip("/") or "/", method.upper()))
                if crates.get(function, "-fallback").endswith("-fallback"):
                    self.problems.append(f"{api}: {method.upper()} {path} is documented, and {function} is deployed for it")
                self.count("documented operations", 1)

    def plans(self):
        client, found, wanted = self.clients("apigateway"), {}, {}
        for plan in self.pages("apigateway", "get_usage_plans", "items"):
            keys = self.pages("apigateway", "get_usage_plan_keys", "items", usagePlanId=plan["id"])
            throttle = {name: float(value) for name, value in plan.get("throttle", {}).items()}
            found[plan["id"]] = (throttle, sorted(key["id"] for key in keys))
        for api, stack in self.stacks.items():
            resources = stack.source["Resources"]
            for name in self.of_type(api, "AWS::ApiGateway::UsagePlan"):
                throttle = stack.value(resources[name]["Properties"].get("Throttle", {}))
                throttle = {member[0].lower() + member[1:]: float(value) for member, value in throttle.items()}
                members = [stack.value(resources[each]["Properties"]["KeyId"])
                           for each in self.of_type(api, "AWS::ApiGateway::UsagePlanKey")
                           if resources[each]["Properties"]["UsagePlanId"] == {"Ref": name}]
                wanted[stack.physical(name)] = (throttle, sorted(members))
        self.same("usage plans", found, wanted)
        keys = {stack.physical(name) for api, stack in self.stacks.items() for name in self.of_type(api, "AWS::ApiGateway::ApiKey")}
        self.same("gateway keys", {key["id"] for key in self.pages("apigateway", "get_api_keys", "items")}, keys)
        self.count("usage plans", len(found))

    def invocation_permissions(self):
        """The gateway may invoke the function of each route, and nobody may who is not named."""
        wanted, found = {}, {}
        for api, stack in self.stacks.items():
            for name, resource in self.templates[api][0]["Resources"].items():
                if resource["Type"] == "AWS::Lambda::Permission":
                    told = stack.value(resource["Properties"])
                    function = told["FunctionName"].rsplit(":", 1)[-1]
                    wanted.setdefault(function, set()).add((told["Principal"], told["Action"], told.get("SourceArn")))
            for name, _ in self.declared(api):
                found[stack.physical(name)] = self.permissions(stack.physical(name))
        self.same("permissions", {name: told for name, told in found.items() if told}, wanted)
        self.count("permissions", sum(map(len, found.values())))
        for api, stack in self.apis.items():
            gateway = stack.physical(self.of_type(api, "AWS::Serverless::Api")[0])
            for (path, method), name in self.routes[api].items():
                asked = f"arn:aws:execute-api:{translation.REGION}:000000000000:{gateway}/prod/{method}{path}"
                function = stack.physical(name) if name in stack.resources else name
                allowed = [source for who, _, source in found.get(function, ()) if who == GATEWAY]
                if not any(fnmatch.fnmatchcase(re.sub(r"\{[^}]+\}", "x", asked), source) for source in allowed):
                    self.problems.append(f"{api}: the gateway may not invoke {name} for {method} {path}")

    def permissions(self, function):
        client = self.clients("lambda")
        try:
            policy = json.loads(client.get_policy(FunctionName=function)["Policy"])
        except client.exceptions.ResourceNotFoundException:
            return set()
        return {(told["Principal"].get("Service") if isinstance(told["Principal"], dict) else told["Principal"], told["Action"],
                 next((source for condition in told.get("Condition", {}).values() for source in condition.values()), None))
                for told in policy["Statement"]}

    # what is not asked for by a request

    def events(self, kind):
        """Events of one type: stack, function, event and properties; whatever no check knows is told."""
        for api, stack in self.stacks.items():
            for name, properties in self.declared(api):
                for event, declared in properties.get("Events", {}).items():
                    if declared["Type"] not in ("Api", "ScheduleV2", "DynamoDB"):
                        self.problems.append(f"{name}, {event}: nothing here compares events of type {declared['Type']}")
                    if declared["Type"] == kind:
                        yield stack, name, event, declared["Properties"]

    def schedules(self):
        client, found, wanted = self.clients("scheduler"), {}, {}
        for each in self.pages("scheduler", "list_schedules", "Schedules"):
            told = client.get_schedule(Name=each["Name"], GroupName=each["GroupName"])
            found[told["Name"]] = {
                "ScheduleExpression": told["ScheduleExpression"], "GroupName": told["GroupName"], "State": told["State"],
                "RetryPolicy": told["Target"].get("RetryPolicy"), "DeadLetterConfig": told["Target"].get("DeadLetterConfig"),
                "function": told["Target"]["Arn"], "Input": told["Target"].get("Input")}
        for stack, name, event, properties in self.events("ScheduleV2"):
            wanted[properties.get("Name", name + event)] = {
                "ScheduleExpression": properties["ScheduleExpression"], "GroupName": stack.value(properties["GroupName"]),
                "State": properties.get("State", "ENABLED"), "RetryPolicy": properties.get("RetryPolicy"),
                "DeadLetterConfig": stack.value(properties.get("DeadLetterConfig")), "function": stack.attribute(name, "Arn"),
                "Input": stack.value(properties.get("Input"))}
        self.same("schedules", found, wanted)
        self.count("schedules", len(found))
        self.failures()
        groups = {each["Name"] for each in self.pages("scheduler", "list_schedule_groups", "ScheduleGroups")} - {"default"}
        self.same("schedule groups", groups, {stack.physical(name) for api, stack in self.stacks.items()
                                              for name in self.of_type(api, "AWS::Scheduler::ScheduleGroup")})

    def failures(self):
        """What becomes of an event on which a function fails that nobody waits for."""
        client, number = self.clients("lambda"), 0
        members = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
        for api, stack in self.stacks.items():
            for name, properties in self.declared(api):
                if "EventInvokeConfig" not in properties:
                    continue
                wanted = stack.value(properties["EventInvokeConfig"])
                wanted["DestinationConfig"]["OnFailure"].pop("Type")
                try:
                    found = client.get_function_event_invoke_config(FunctionName=stack.physical(name), Qualifier="$LATEST")
                except client.exceptions.ResourceNotFoundException:
                    found = {}
                for member in members:
                    self.same(f"{name}, failed events, {member}", found.get(member), wanted[member])
                number += 1
        self.count("functions with failed events", number)

    def mappings(self):
        members = ("BatchSize", "StartingPosition", "MaximumRetryAttempts", "BisectBatchOnFunctionError", "ParallelizationFactor",
                   "FunctionResponseTypes", "FilterCriteria")
        found, wanted = {}, {}
        for each in self.pages("lambda", "list_event_source_mappings", "EventSourceMappings"):
            found[each["FunctionArn"], each["EventSourceArn"]] = {
                **{member: each.get(member) for member in members}, "State": each["State"],
                "OnFailure": each.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")}
        for stack, name, _, properties in self.events("DynamoDB"):
            stream = stack.value(properties["Stream"])
            failed = properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
            wanted[stack.attribute(name, "Arn"), stream] = {
                **{member: stack.value(properties.get(member)) for member in members}, "State": "Enabled",
                "OnFailure": stack.value(failed)}
        self.same("stream mappings", found, wanted)
        self.count("stream mappings", len(found))


def merged(shared, own):
    """Two members of a function's properties, the function's own first."""
    both = {**shared, **own}
    if "Variables" in both:
        both["Variables"] = {**shared.get("Variables", {}), **own.get("Variables", {})}
    return both


def integrated(method):
    """The function that a method's integration names."""
    uri = method.get("methodIntegration", {}).get("uri", "")
    found = re.search(r":function:([\w-]+)/invocations$", uri)
    return found[1] if found else uri


def shown(value):
    told = json.dumps(value, default=str)
    return told if len(told) < 400 else told[:400] + "…"
