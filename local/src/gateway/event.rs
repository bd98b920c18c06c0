//! The events that API Gateway makes of a request: what the authorizer is asked, and what the function gets.

use std::net::SocketAddr;

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header, request::Parts};
use serde_json::{Map, Value, json};

use crate::{routing::Match, template::Api};

/// A header's value as the event's JSON holds it: one character for each byte.
fn header_text(value: &HeaderValue) -> String {
    value.as_bytes().iter().map(|byte| char::from(*byte)).collect()
}

fn headers_of(headers: &HeaderMap, peer: SocketAddr) -> (Map<String, Value>, Map<String, Value>) {
    let (mut single, mut multi) = (Map::new(), Map::new());
    for name in headers.keys() {
        let values: Vec<_> = headers.get_all(name).iter().map(header_text).collect();
        if let Some(last) = values.last() {
            single.insert(name.as_str().to_owned(), json!(last));
        }
        multi.insert(name.as_str().to_owned(), json!(values));
    }
    let address = peer.ip().to_string();
    for (name, value) in [("X-Forwarded-For", address.as_str()), ("X-Forwarded-Proto", "http")] {
        if !headers.contains_key(name) {
            single.insert(name.to_owned(), json!(value));
            multi.insert(name.to_owned(), json!([value]));
        }
    }
    (single, multi)
}

/// What both events have, as the text of an object.
pub(super) fn frame(
    api: &Api,
    parts: &Parts,
    found: &Match<'_>,
    (path, peer, request_id, now): (&str, SocketAddr, &str, i64),
) -> String {
    let (headers, multi_headers) = headers_of(&parts.headers, peer);
    let (mut query, mut multi_query) = (Map::new(), Map::new());
    let parameters = shared::http::query::Query::parse(parts.uri.query().unwrap_or_default());
    for (name, value) in parameters.pairs() {
        query.insert(name.clone(), json!(value));
        if let Some(values) = multi_query.entry(name.clone()).or_insert_with(|| json!([])).as_array_mut() {
            values.push(json!(value));
        }
    }
    let frame = json!({
        "resource": found.resource,
        "path": path,
        "httpMethod": parts.method.as_str(),
        "headers": headers,
        "multiValueHeaders": multi_headers,
        "queryStringParameters": if query.is_empty() { Value::Null } else { Value::Object(query) },
        "multiValueQueryStringParameters": if multi_query.is_empty() { Value::Null } else { Value::Object(multi_query) },
        "pathParameters": found.parameters,
        "stageVariables": {"api": api.name},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "stage": api.stage,
            "resourcePath": found.resource,
            "httpMethod": parts.method.as_str(),
            "path": path,
            "protocol": "HTTP/1.1",
            "requestId": request_id,
            "requestTimeEpoch": now,
            "identity": {
                "sourceIp": peer.ip().to_string(),
                "userAgent": parts.headers.get(header::USER_AGENT).map(header_text),
            },
        },
    });
    frame.to_string()
}

/// The authorizer's event: the request without its body.
pub(super) fn asked(api: &Api, method: &str, frame: &str) -> Bytes {
    let arn = format!("arn:aws:execute-api:local:000000000000:local/{}/{method}/", api.stage);
    let rest = frame.strip_prefix('{').unwrap_or(frame);
    Bytes::from(format!(r#"{{"type":"REQUEST","methodArn":{},{rest}"#, Value::from(arn)))
}

/// The function's event. A body can be long: it is put where it belongs without being copied through a value.
pub(super) fn proxied(frame: String, body: &Bytes) -> String {
    let mut text = frame;
    text.truncate(text.len().saturating_sub(1));
    text.push_str(r#","isBase64Encoded":true,"body":"#);
    if body.is_empty() {
        text.push_str("null}");
    } else {
        text.reserve(body.len() / 3 * 4 + 8);
        text.push('"');
        base64::engine::general_purpose::STANDARD.encode_string(body, &mut text);
        text.push_str("\"}");
    }
    text
}
