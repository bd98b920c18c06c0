//! The embedded engine over HTTP, as AWS's clients ask DynamoDB: for who has the credentials of this start, and for no
//! page in a browser.

use std::{fmt, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use dynoxide::{Database, DynoxideError, actions::transact_write_items::TransactWriteItemsRequest};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use shared::config::Credentials;

use super::{
    opened::Opened,
    signature::{Refusal, Verifier},
};
use crate::guard::HostNames;

/// DynamoDB's limit of a request, in bytes.
const MAX_BODY: usize = 16 * 1024 * 1024;
pub(super) const JSON: &str = "application/x-amz-json-1.0";
const SECURITY: &str = "com.amazon.coral.service";
const TARGETS: [&str; 2] = ["DynamoDB_20120810.", "DynamoDBStreams_20120810."];

/// An engine, and who may ask it.
struct Service {
    engine: Opened,
    verifier: Verifier,
    hosts: HostNames,
}

/// The HTTP service of an engine. It answers who signs with `credentials` and asks for one of `hosts`.
pub fn service(engine: impl Into<Opened>, credentials: &Credentials, hosts: HostNames) -> Router {
    let service = Service { engine: engine.into(), verifier: Verifier::new(credentials), hosts };
    Router::new().fallback(handle).with_state(Arc::new(service))
}

async fn handle(State(service): State<Arc<Service>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    service.answer(&head, body).await.unwrap_or_else(|refusal| refusal)
}

impl Service {
    async fn answer(&self, head: &Parts, body: Body) -> Result<Response, Response> {
        // no page has business here, not even one of this machine
        let page = head.headers.contains_key(header::ORIGIN) || head.headers.contains_key("sec-fetch-site");
        let refusal = self.hosts.refusal(&head.uri, &head.headers);
        if let Some(why) = refusal.or(page.then_some("pages are not answered")) {
            return Err(refused(StatusCode::FORBIDDEN, "AccessDeniedException", why));
        }
        let claim = self.verifier.claim(head).map_err(unauthorized)?;
        let body = to_bytes(body, MAX_BODY).await;
        let body =
            body.map_err(|_| refused(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", "16 MiB at most"))?;
        self.verifier.verify(&claim, head, &body).map_err(unauthorized)?;
        let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        let (status, text) = answer(&self.engine, target, &body, false).await;
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        Ok((status, [(header::CONTENT_TYPE, JSON)], text).into_response())
    }
}

/// What changes a table.
const WRITES: [&str; 5] = ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"];

/// The engine's answer to a request of this target: its status and its text. What it wrote is on the disk then,
/// unless that is waited for later. In a process an answer is never lost, so that nothing of this process's `own` is sent
/// twice and no token needs to be known again: the engine looks at all of the last ten minutes' at each transaction.
pub(super) async fn answer(engine: &Opened, target: &str, body: &[u8], own: bool) -> (u16, String) {
    let operation = TARGETS.iter().find_map(|prefix| target.strip_prefix(prefix)).unwrap_or_default();
    if let Some(text) = engine.reads.as_ref().and_then(|reads| reads.answer(operation, body)) {
        return (200, text);
    }
    let done = match operation {
        "TransactWriteItems" if own => Some(run(body, |asked: TransactWriteItemsRequest| {
            engine.database.transact_write_items(TransactWriteItemsRequest { client_request_token: None, ..asked })
        })),
        _ => execute(&engine.database, operation, body),
    };
    match done {
        Some(Ok(text)) => {
            if WRITES.contains(&operation) {
                if let Err(error) = engine.written().await {
                    tracing::error!(operation, cause = %error, "not written to the disk");
                    engine.trouble.note(error.to_string());
                    return (500, problem("InternalServerError", "not written to the disk"));
                }
                engine.trouble.clear();
            }
            (200, text)
        }
        Some(Err(error)) if error.status_code() >= 500 => {
            tracing::error!(operation, cause = %error, "the embedded store failed");
            if WRITES.contains(&operation) {
                engine.trouble.note(error.to_string());
            }
            (error.status_code(), error.to_json())
        }
        Some(Err(error)) => {
            tracing::debug!(operation, cause = %error, "refused by the embedded store");
            (error.status_code(), error.to_json())
        }
        None => (400, problem("UnknownOperationException", "no such operation")),
    }
}

/// What the engine does; `None` when that is nothing.
fn execute(database: &Database, operation: &str, body: &[u8]) -> Option<dynoxide::Result<String>> {
    Some(match operation {
        "GetItem" => run(body, |asked| database.get_item(asked)),
        "BatchGetItem" => run(body, |asked| database.batch_get_item(asked)),
        "Query" => run(body, |asked| database.query(asked)),
        "Scan" => run(body, |asked| database.scan(asked)),
        "PutItem" => run(body, |asked| database.put_item(asked)),
        "UpdateItem" => run(body, |asked| database.update_item(asked)),
        "DeleteItem" => run(body, |asked| database.delete_item(asked)),
        "BatchWriteItem" => run(body, |asked| database.batch_write_item(asked)),
        "TransactGetItems" => run(body, |asked| database.transact_get_items(asked)),
        "TransactWriteItems" => run(body, |asked| database.transact_write_items(asked)),
        "ListStreams" => run(body, |asked| database.list_streams(asked)),
        "DescribeStream" => run(body, |asked| database.describe_stream(asked)),
        "GetShardIterator" => run(body, |asked| database.get_shard_iterator(asked)),
        "GetRecords" => run(body, |asked| database.get_records(asked)),
        "CreateTable" => run(body, |asked| database.create_table(asked)),
        "UpdateTable" => run(body, |asked| database.update_table(asked)),
        "DeleteTable" => run(body, |asked| database.delete_table(asked)),
        "DescribeTable" => run(body, |asked| database.describe_table(asked)),
        "ListTables" => run(body, |asked| database.list_tables(asked)),
        "UpdateTimeToLive" => run(body, |asked| database.update_time_to_live(asked)),
        "DescribeTimeToLive" => run(body, |asked| database.describe_time_to_live(asked)),
        _ => return None,
    })
}

fn run<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    act: impl FnOnce(Q) -> dynoxide::Result<A>,
) -> dynoxide::Result<String> {
    let asked =
        serde_json::from_slice(body).map_err(|error| DynoxideError::SerializationException(error.to_string()))?;
    serde_json::to_string(&act(asked)?).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

fn unauthorized(refusal: Refusal) -> Response {
    let (kind, message) = match refusal {
        Refusal::Unsigned => ("MissingAuthenticationTokenException", "the request is not signed in its headers"),
        Refusal::Unknown => ("UnrecognizedClientException", "these are not the credentials of this start"),
        Refusal::Mismatch => ("InvalidSignatureException", "the signature is not this request's"),
    };
    refused(StatusCode::BAD_REQUEST, kind, message)
}

fn refused(status: StatusCode, kind: &str, message: impl fmt::Display) -> Response {
    (status, [(header::CONTENT_TYPE, JSON)], problem(kind, message)).into_response()
}

fn problem(kind: &str, message: impl fmt::Display) -> String {
    json!({"__type": format!("{SECURITY}#{kind}"), "message": message.to_string()}).to_string()
}
