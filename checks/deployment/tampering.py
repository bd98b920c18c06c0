"""Differences made on purpose, after everything was asked: a comparison that does not tell each of them compares nothing."""
import json

import translation

STRAY = "stray"


def tamper(run):
    """Changes what was deployed at every kind of place, and returns what the comparison must tell of each change."""
    return [*functions(run), *gateway(run), *background(run), *roles(run)]


def functions(run):
    client, outset = run.clients("lambda"), run.apis["outset"]
    name = outset.physical("OutsetStudiesList")
    told = client.get_function_configuration(FunctionName=name)
    client.update_function_configuration(FunctionName=name, Timeout=told["Timeout"] - 1, Environment={
        "Variables": {**told["Environment"]["Variables"], "OUTSCOUT_OUTSET_LIMIT_FREE": "7", "STRAY": "1"}})
    gone = run.apis["outsend"].physical("OutsendFeedbackGet")
    client.delete_function(FunctionName=gone)
    client.create_function(FunctionName=STRAY, Runtime="provided.al2023", Handler="bootstrap", Role=told["Role"],
                           Code={"S3Bucket": run.bucket, "S3Key": "outset-fallback.zip"})
    return ["OutsetStudiesList, Timeout: deployed is", "OutsetStudiesList, environment, OUTSCOUT_OUTSET_LIMIT_FREE: deployed is",
            "OutsetStudiesList, environment: STRAY is deployed and nothing says so", f"functions: {gone} is not deployed",
            f"functions: {STRAY} is deployed and nothing says so"]


def gateway(run):
    client, stack = run.clients("apigateway"), run.apis["outset"]
    api = stack.physical("Api")
    ids = {each["path"]: each["id"] for each in client.get_resources(restApiId=api, limit=500)["items"]}
    client.delete_method(restApiId=api, resourceId=ids["/v1/schema"], httpMethod="HEAD")
    uri = client.get_integration(restApiId=api, resourceId=ids["/v1/schema"], httpMethod="GET")["uri"]
    client.put_integration(restApiId=api, resourceId=ids["/v1/studies"], httpMethod="GET", type="AWS_PROXY",
                           integrationHttpMethod="POST", uri=uri)
    client.put_method(restApiId=api, resourceId=ids["/v1"], httpMethod="ANY", authorizationType="NONE")
    client.delete_gateway_response(restApiId=api, responseType="THROTTLED")
    permitted = run.clients("lambda").get_policy(FunctionName=stack.physical("OutsetSchemaRetrieve"))["Policy"]
    run.clients("lambda").remove_permission(FunctionName=stack.physical("OutsetSchemaRetrieve"), StatementId=sid(permitted, "/GET/"))
    return ["routes of outset: ('/v1/schema', 'HEAD') is not deployed", "routes of outset, ('/v1/studies', 'GET'): deployed is",
            "routes of outset: ('/v1', 'ANY') is deployed and nothing says so",
            "gateway responses of outset: THROTTLED is not deployed",
            "outset: the gateway may not invoke OutsetSchemaRetrieve for GET /v1/schema"]


def sid(policy, part):
    """The statement of a function's policy for one method."""
    return next(told["Sid"] for told in json.loads(policy)["Statement"] if part in str(told.get("Condition")))


def background(run):
    client = run.clients("scheduler")
    schedules = sorted(client.list_schedules()["Schedules"], key=lambda each: each["Name"])
    first, second = (client.get_schedule(Name=each["Name"], GroupName=each["GroupName"]) for each in schedules[:2])
    client.delete_schedule(Name=first["Name"], GroupName=first["GroupName"])
    target = {**second["Target"], "RetryPolicy": {"MaximumRetryAttempts": 9}}
    target.pop("DeadLetterConfig")
    of = {"FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target}
    client.update_schedule(Name=second["Name"], GroupName=second["GroupName"], ScheduleExpression="rate(7 minutes)", **of)
    client.create_schedule(Name=STRAY, ScheduleExpression="rate(1 day)", **of)
    lambdas = run.clients("lambda")
    failing = run.root.physical("BackgroundReminders")
    lambdas.put_function_event_invoke_config(FunctionName=failing, Qualifier="$LATEST", MaximumRetryAttempts=1, DestinationConfig={})
    gone, other = lambdas.list_event_source_mappings()["EventSourceMappings"][:2]
    lambdas.delete_event_source_mapping(UUID=gone["UUID"])
    lambdas.update_event_source_mapping(UUID=other["UUID"], FilterCriteria={"Filters": [{"Pattern": "{}"}]}, DestinationConfig={})
    ways = [(each["FunctionArn"], each["EventSourceArn"]) for each in (gone, other)]
    return [f"schedules: {first['Name']} is not deployed", f"schedules: {STRAY} is deployed and nothing says so",
            *(f"schedules, {second['Name']}, {member}" for member in (
                "ScheduleExpression", "RetryPolicy", "DeadLetterConfig")),
            *(f"BackgroundReminders, failed events, {member}" for member in (
                "MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")),
            f"stream mappings: {ways[0]} is not deployed",
            *(f"stream mappings, {ways[1]}, {member}" for member in ("FilterCriteria", "OnFailure"))]


def roles(run):
    client, stack = run.clients("iam"), run.apis["openscouter"]
    role = stack.physical("OpenscouterJobsListRole")
    (own,) = client.list_role_policies(RoleName=role)["PolicyNames"]
    client.delete_role_policy(RoleName=role, PolicyName=own)
    client.put_role_policy(RoleName=role, PolicyName=STRAY, PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["dynamodb:*"], "Resource": "*"}]}))
    apart = run.root.physical("SpecialCategoriesApart")
    client.detach_role_policy(RoleName=role, PolicyArn=apart)
    return [f"OpenscouterJobsList, policies: {own} is not deployed",
            f"OpenscouterJobsList, policies: {STRAY} is deployed and nothing says so",
            f"OpenscouterJobsList, attached policies: {apart} is not deployed"]
