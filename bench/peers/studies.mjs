// Three of Outset's endpoints, as one would write them plainly for Lambda's Node runtime: AWS's client and nothing else.
import { createHash } from "node:crypto";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, QueryCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";

const table = "peer";
const store = DynamoDBDocumentClient.from(new DynamoDBClient({}));
const PAGE = 10;

const answer = (statusCode, body) => ({ statusCode, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

// The organization of the key, or a refusal.
async function caller(event, scope) {
  const [scheme, sent] = (event.headers.Authorization ?? "").split(" ");
  if (scheme !== "Api-Key" || !sent) {
    return { refusal: answer(401, { detail: "Authentication credentials were not provided." }) };
  }
  const digest = createHash("sha256").update(sent).digest("hex");
  const { Item: key } = await store.send(
    new GetCommand({ TableName: table, Key: { pk: `KEY#${digest}`, sk: "KEY" }, ConsistentRead: true }),
  );
  if (!key || key.revoked) return { refusal: answer(401, { detail: "Invalid API key." }) };
  if (!key.scopes.includes(scope)) return { refusal: answer(403, { detail: "The key lacks a scope." }) };
  return { organization: key.organization };
}

const view = ({ id, name, status, active, created_at, updated_at, completion_url, tasks }) =>
  ({ id, name, status, active, created_at, updated_at, completion_url, tasks });

export async function retrieve(event) {
  const { organization, refusal } = await caller(event, "studies:read");
  if (refusal) return refusal;
  const key = { pk: `ORG#${organization}`, sk: `STUDY#${event.pathParameters.id}` };
  const { Item: study } = await store.send(new GetCommand({ TableName: table, Key: key, ConsistentRead: true }));
  return study ? answer(200, view(study)) : answer(404, { detail: "Not found." });
}

export async function list_studies(event) {
  const { organization, refusal } = await caller(event, "studies:read");
  if (refusal) return refusal;
  const { Item: counted } = await store.send(
    new GetCommand({ TableName: table, Key: { pk: `ORG#${organization}`, sk: "COUNT" } }),
  );
  const page = await store.send(new QueryCommand({
    TableName: table,
    KeyConditionExpression: "pk = :pk AND begins_with(sk, :study)",
    ExpressionAttributeValues: { ":pk": `ORG#${organization}`, ":study": "STUDY#" },
    Limit: PAGE,
  }));
  return answer(200, { count: counted?.count ?? 0, next: null, previous: null, results: page.Items.map(view) });
}

export async function update(event) {
  const { organization, refusal } = await caller(event, "studies:write");
  if (refusal) return refusal;
  const url = JSON.parse(event.body ?? "{}").completion_url ?? null;
  if (url !== null && !(typeof url === "string" && /^https?:\/\//.test(url))) {
    return answer(400, { completion_url: ["Enter a valid URL."] });
  }
  try {
    const { Attributes: study } = await store.send(new UpdateCommand({
      TableName: table,
      Key: { pk: `ORG#${organization}`, sk: `STUDY#${event.pathParameters.id}` },
      UpdateExpression: "SET completion_url = :url, updated_at = :now",
      ConditionExpression: "attribute_exists(pk)",
      ExpressionAttributeValues: { ":url": url, ":now": new Date().toISOString() },
      ReturnValues: "ALL_NEW",
    }));
    return answer(200, view(study));
  } catch (error) {
    if (error.name === "ConditionalCheckFailedException") return answer(404, { detail: "Not found." });
    throw error;
  }
}
