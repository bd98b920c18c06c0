//! A request as the gateway hands it over.
//!
//! The REST API proxy event is read here and not by `lambda_http`: that crate unwraps a URL made of
//! the client's `Host` and forgets the order of query parameters, both of which the contract needs
//! (outset 7.2, 15).

use std::collections::HashMap;

use base64::Engine;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{origin, query::Query};

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
    path_parameters: Option<HashMap<String, String>>,
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
pub struct Request {
    /// Method as received.
    pub method: String,
    /// Public prefix: what the client's path held before the API's own path (outset 8.7).
    pub prefix: String,
    /// Path within the API, as sent, not decoded.
    pub path: String,
    /// The path's parameters by name, as sent, not decoded.
    pub path_parameters: HashMap<String, String>,
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

impl Request {
    /// Reads a REST API proxy event of an API whose paths begin with one of `roots`; a request id of the client's
    /// has at least `min_request_id_length` characters.
    ///
    /// # Errors
    /// When `event` is none.
    pub fn from_event(event: &[u8], roots: &[&str], min_request_id_length: usize) -> Result<Self, String> {
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
            path_parameters: event.path_parameters.unwrap_or_default(),
            query: Query::from_pairs(pairs(event.multi_value_query_string_parameters)),
            request_id: request_id(&headers, min_request_id_length),
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

    /// A parameter of the path, named as in the template; empty when the route has none of that name.
    #[must_use]
    pub fn path_parameter(&self, name: &str) -> &str {
        self.path_parameters.get(name).map_or("", String::as_str)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path_of(context_path: Value) -> (String, String) {
        let event = json!({
            "httpMethod": "GET", "resource": "/v1/studies/{id}", "path": "/v1/studies/x/",
            "requestContext": {"path": context_path},
        });
        let request = Request::from_event(event.to_string().as_bytes(), &["/v1"], 1).unwrap();
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
            assert!(Request::from_event(event.as_bytes(), &["/v1"], 1).is_err(), "{event}");
        }
    }
}
