"""Three of Outset's endpoints, as one would write them plainly for Lambda's Python runtime: boto3 and nothing else."""
import datetime
import hashlib
import json

import boto3
from boto3.dynamodb.conditions import Key

table = boto3.resource("dynamodb").Table("peer")
PAGE = 10


def answer(status, body):
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body, default=int)}


def caller(event, scope):
    """The organization of the key, or a refusal."""
    scheme, _, sent = (event["headers"].get("Authorization") or "").partition(" ")
    if scheme != "Api-Key" or not sent:
        return None, answer(401, {"detail": "Authentication credentials were not provided."})
    digest = hashlib.sha256(sent.encode()).hexdigest()
    key = table.get_item(Key={"pk": f"KEY#{digest}", "sk": "KEY"}, ConsistentRead=True).get("Item")
    if key is None or key.get("revoked"):
        return None, answer(401, {"detail": "Invalid API key."})
    if scope not in key["scopes"]:
        return None, answer(403, {"detail": "The key lacks a scope."})
    return key["organization"], None


def view(study):
    return {name: study[name] for name in ("id", "name", "status", "active", "created_at", "updated_at", "completion_url", "tasks")}


def retrieve(event, _):
    organization, refusal = caller(event, "studies:read")
    if refusal:
        return refusal
    key = {"pk": f"ORG#{organization}", "sk": f"STUDY#{event['pathParameters']['id']}"}
    study = table.get_item(Key=key, ConsistentRead=True).get("Item")
    return answer(200, view(study)) if study else answer(404, {"detail": "Not found."})


def list_studies(event, _):
    organization, refusal = caller(event, "studies:read")
    if refusal:
        return refusal
    count = table.get_item(Key={"pk": f"ORG#{organization}", "sk": "COUNT"}).get("Item", {}).get("count", 0)
    page = table.query(KeyConditionExpression=Key("pk").eq(f"ORG#{organization}") & Key("sk").begins_with("STUDY#"), Limit=PAGE)
    return answer(200, {"count": count, "next": None, "previous": None, "results": [view(study) for study in page["Items"]]})


def update(event, _):
    organization, refusal = caller(event, "studies:write")
    if refusal:
        return refusal
    changes = json.loads(event["body"] or "{}")
    url = changes.get("completion_url")
    if url is not None and not (isinstance(url, str) and url.startswith(("http://", "https://"))):
        return answer(400, {"completion_url": ["Enter a valid URL."]})
    now = datetime.datetime.now(datetime.UTC).isoformat()
    try:
        done = table.update_item(
            Key={"pk": f"ORG#{organization}", "sk": f"STUDY#{event['pathParameters']['id']}"},
            UpdateExpression="SET completion_url = :url, updated_at = :now", ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":url": url, ":now": now}, ReturnValues="ALL_NEW")
    except table.meta.client.exceptions.ConditionalCheckFailedException:
        return answer(404, {"detail": "Not found."})
    return answer(200, view(done["Attributes"]))
