//! A request as the gateway hands it over, and the answer that goes back.
//!
//! The REST API proxy event is read here and not by `lambda_http`: that crate unwraps a URL made of
//! the client's `Host` and forgets the order of query parameters, both of which the contract needs
//! (outset 7.2, 15).

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use base64::Engine;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::outset::rules::{origin, query::Query};
use crate::serve::{ByteStream, InvokeError, Reply, Streamed};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    http_method: String,
    #[serde(default)]
    resource: Option<String>,
    path: String,
    #[serde(default)]
    headers: Option<HashMap<String, String>>,
    #[serde(default)]
    multi_value_headers: Option<Map<String, Value>>,
    #[serde(default)]
    multi_value_query_string_parameters: Option<Map<String, Value>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    request_context: EventContext,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventContext {
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    identity: Identity,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    #[serde(default)]
    source_ip: Option<String>,
}

/// One HTTP request.
#[derive(Clone, Debug)]
pub struct ApiRequest {
    /// Method as received.
    pub method: String,
    /// Public prefix: what the client's path held before the API's own path (outset 8.7).
    pub prefix: String,
    /// Path within the API, as sent, not decoded.
    pub path: String,
    /// Query parameters.
    pub query: Query,
    /// Headers.
    pub headers: HeaderMap,
    /// Body bytes.
    pub body: Bytes,
    /// Address of the client as the gateway saw it.
    pub source_ip: String,
    /// Id that the answer, the log and the audit carry (outset 13.1).
    pub request_id: String,
}

impl ApiRequest {
    /// Reads a REST API proxy event of an API whose paths begin with one of `roots`; a request id of the client's
    /// has at least `least_request_id` characters.
    ///
    /// # Errors
    /// When `event` is none.
    pub fn from_event(event: &[u8], roots: &[&str], least_request_id: usize) -> Result<Self, String> {
        let event: Event = serde_json::from_slice(event).map_err(|error| format!("not a proxy event: {error}"))?;
        let headers = read_headers(event.headers, event.multi_value_headers);
        // some local emulators put the resource where the client's path belongs
        let of_context = event.request_context.path.as_deref().filter(|path| Some(*path) != event.resource.as_deref());
        let client_path = of_context.unwrap_or(&event.path);
        let (prefix, path) = origin::split_prefix(client_path, roots);
        let (prefix, path) = (prefix.to_owned(), path.to_owned());
        let body = match (event.body, event.is_base64_encoded) {
            (None, _) => Bytes::new(),
            (Some(text), false) => Bytes::from(text),
            (Some(text), true) => base64::engine::general_purpose::STANDARD
                .decode(text)
                .map(Bytes::from)
                .map_err(|error| format!("body is not base64: {error}"))?,
        };
        Ok(Self {
            method: event.http_method,
            prefix,
            path,
            query: Query::from_pairs(pairs(event.multi_value_query_string_parameters)),
            request_id: request_id(&headers, least_request_id),
            headers,
            body,
            source_ip: event.request_context.identity.source_ip.unwrap_or_default(),
        })
    }

    /// A header's value as text, bytes outside ASCII read as Latin-1; several values are joined with commas.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<String> = self
            .headers
            .get_all(name)
            .iter()
            .map(|value| value.as_bytes().iter().map(|byte| char::from(*byte)).collect())
            .collect();
        (!values.is_empty()).then(|| values.join(","))
    }

    /// Whether the method only reads (GET, HEAD, OPTIONS).
    #[must_use]
    pub fn is_safe(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }
}

fn read_headers(single: Option<HashMap<String, String>>, multi: Option<Map<String, Value>>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut add = |name: &str, value: &str| {
        // the event is JSON: a Latin-1 byte of the wire stands in it as one character
        let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
        let bytes = bytes.unwrap_or_else(|| value.as_bytes().to_vec());
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(&bytes)) {
            headers.append(name, value);
        }
    };
    match multi.filter(|multi| !multi.is_empty()) {
        Some(multi) => {
            for (name, values) in &multi {
                values.as_array().into_iter().flatten().filter_map(Value::as_str).for_each(|value| add(name, value));
            }
        }
        None => single.iter().flatten().for_each(|(name, value)| add(name, value)),
    }
    headers
}

fn pairs(parameters: Option<Map<String, Value>>) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, values) in parameters.unwrap_or_default() {
        for value in values.as_array().into_iter().flatten().filter_map(Value::as_str) {
            pairs.push((name.clone(), value.to_owned()));
        }
    }
    pairs
}

fn request_id(headers: &HeaderMap, least: usize) -> String {
    let given = headers.get("x-request-id").and_then(|value| value.to_str().ok());
    let allowed = |id: &&str| {
        (least..=128).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    given.filter(allowed).map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned)
}

/// An answer; what goes into the log beside it never reaches the client.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Headers in order.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: String,
    /// Cause of a failure, for the log only.
    pub cause: Option<String>,
    /// What comes in place of the body, piece by piece; only functions that stream can send it.
    pub stream: Option<Pieces>,
}

/// A body that comes piece by piece. The lock is never waited for: it lets answers be shared like other values.
pub struct Pieces(Mutex<ByteStream>);

impl std::fmt::Debug for Pieces {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Pieces(…)")
    }
}

impl Answer {
    /// An answer without a body.
    #[must_use]
    pub const fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new(), cause: None, stream: None }
    }

    /// Sets a header, in place of an older value.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name, value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a body that comes piece by piece.
    #[must_use]
    pub fn stream(mut self, pieces: ByteStream) -> Self {
        self.stream = Some(Pieces(Mutex::new(pieces)));
        self
    }

    /// The answer as the function replies it: streamed, or as a REST API proxy response.
    ///
    /// # Errors
    /// When only a stream could carry it.
    pub(crate) fn reply(self, streamed: bool) -> Result<Reply, InvokeError> {
        // what cannot stand in a header line is left out rather than failing the answer
        let clean = |value: &str| value.chars().filter(|c| !c.is_control()).collect::<String>();
        if streamed {
            let headers = self.headers.iter().map(|(name, value)| ((*name).to_owned(), clean(value))).collect();
            let body = match self.stream {
                Some(Pieces(pieces)) => pieces.into_inner().unwrap_or_else(PoisonError::into_inner),
                None => stream::once(std::future::ready(Ok(Bytes::from(self.body)))).boxed(),
            };
            return Ok(Reply::Streamed(Streamed { status: self.status, headers, body }));
        }
        if self.stream.is_some() {
            return Err(InvokeError::failed("a streamed answer of a function that does not stream"));
        }
        let mut headers: Map<String, Value> = Map::new();
        for (name, value) in &self.headers {
            headers.insert((*name).to_owned(), json!([clean(value)]));
        }
        let response = json!({
            "statusCode": self.status,
            "multiValueHeaders": headers,
            "body": self.body,
            "isBase64Encoded": false,
        });
        Ok(Reply::Whole(Bytes::from(response.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_of(context_path: Value) -> (String, String) {
        let event = json!({
            "httpMethod": "GET", "resource": "/v1/studies/{id}", "path": "/v1/studies/x/",
            "requestContext": {"path": context_path},
        });
        let request = ApiRequest::from_event(event.to_string().as_bytes(), &["/v1"], 1).unwrap();
        (request.prefix, request.path)
    }

    #[test]
    fn the_path_is_the_client_s_and_never_the_resource() {
        let bare = (String::new(), "/v1/studies/x/".to_owned());
        assert_eq!(path_of(json!("/prod/v1/studies/x/")), ("/prod".to_owned(), bare.1.clone()));
        assert_eq!(path_of(json!("/v1/studies/{id}")), bare);
        assert_eq!(path_of(Value::Null), bare);
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for event in
            ["", "{}", "[]", r#"{"httpMethod":"GET","path":"/","requestContext":{},"body":"?","isBase64Encoded":true}"#]
        {
            assert!(ApiRequest::from_event(event.as_bytes(), &["/v1"], 1).is_err(), "{event}");
        }
    }
}
