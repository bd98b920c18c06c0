//! A request as the gateway hands it over: a REST API proxy event, in the type that `lambda_http` has for it.
//!
//! Its conversion to an `http::Request` is not used: it panics when the client's `Host`, `X-Forwarded-Proto` or path
//! makes no URL and when a body is not base64, lets the last value of a header stand for all, and takes the order out
//! of query parameters, which the contract shows (outset 7.2, 8.4).

use std::collections::HashMap;

use base64::Engine;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use lambda_http::aws_lambda_events::apigw::ApiGatewayProxyRequest as Event;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{origin, query::Query};

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
    /// Id that the answer and the log carry: the client's own, if it named one (outset 13.1).
    pub request_id: String,
    /// Id that the audit trail carries, and the log beside the other: always ours. It is the same one, unless the client
    /// named its own.
    pub audit_id: String,
}

impl Request {
    /// Reads a REST API proxy event of an API whose paths begin with one of `roots`; a request id of the client's
    /// has at least `min_request_id_length` characters.
    ///
    /// # Errors
    /// When `bytes` are none.
    pub fn from_event(bytes: &[u8], roots: &[&str], min_request_id_length: usize) -> Result<Self, String> {
        let no_event = |error: serde_json::Error| format!("not a proxy event: {error}");
        let event: Event = serde_json::from_slice(bytes).map_err(no_event)?;
        let query = if event.multi_value_query_string_parameters.is_empty() {
            Query::default()
        } else {
            ordered_query(bytes).map_err(no_event)?
        };
        let headers = if event.multi_value_headers.is_empty() { event.headers } else { event.multi_value_headers };
        let headers = latin_1(headers);
        let path = event.path.ok_or("not a proxy event: it has no path")?;
        // some local emulators put the resource where the client's path belongs
        let of_context = event.request_context.path.filter(|path| Some(path) != event.resource.as_ref());
        let client_path = of_context.unwrap_or(path);
        let (prefix, path) = origin::split_prefix(&client_path, roots);
        let body = match (event.body, event.is_base64_encoded) {
            (None, _) => Bytes::new(),
            (Some(text), false) => Bytes::from(text),
            (Some(text), true) => base64::engine::general_purpose::STANDARD
                .decode(text)
                .map(Bytes::from)
                .map_err(|error| format!("body is not base64: {error}"))?,
        };
        let (request_id, audit_id) = request_ids(&headers, min_request_id_length);
        Ok(Self {
            method: event.http_method.to_string(),
            prefix: prefix.to_owned(),
            path: path.to_owned(),
            path_parameters: event.path_parameters,
            query,
            request_id,
            audit_id,
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

    /// The public base URL that the request came to: the `configured` one, or the origin that its headers tell with its
    /// public prefix. `forwarded_host` is the host that a proxy in front says it was asked for, where the dialect hears
    /// of that (outset 8.7).
    #[must_use]
    pub fn public_base(&self, configured: Option<&str>, forwarded_host: Option<&str>) -> String {
        let (proto, host) = (self.header("x-forwarded-proto"), self.header("host"));
        let origin = origin::public_origin(configured, proto.as_deref(), forwarded_host, host.as_deref());
        if configured.is_some() { origin } else { origin + &self.prefix }
    }

    /// The value of a cookie that was sent: the first one of its name.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        let header = self.header("cookie")?;
        let mut pairs = header.split([';', ',']).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    }

    /// A parameter of the path, named as in the template; empty when the route has none of that name.
    #[must_use]
    pub fn path_parameter(&self, name: &str) -> &str {
        self.path_parameters.get(name).map_or("", String::as_str)
    }

    /// Whether the gateway's catch-all took the request: its path is nowhere, also when it ends like a path of the API,
    /// as that of an unknown stage does.
    #[must_use]
    pub fn is_astray(&self) -> bool {
        !self.path_parameter("proxy").is_empty()
    }

    /// Whether another site's page sent the request, as its browser says (outsend 4.2): not one of the API at `base`, nor of
    /// `others`, which may be on other sites.
    #[must_use]
    pub fn is_foreign(&self, base: &str, others: &[String]) -> bool {
        let origin = self.header("origin");
        if origin.as_ref().is_some_and(|origin| others.contains(origin)) {
            return false;
        }
        let cross = self.header("sec-fetch-site").is_some_and(|site| site == "cross-site");
        cross || origin.is_some_and(|sent| sent != origin::of(base))
    }

    /// Whether the method only reads (GET, HEAD, OPTIONS).
    #[must_use]
    pub fn is_safe(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }
}

/// The event is JSON: a Latin-1 byte of the wire stands in it as one character, and is one byte again here.
fn latin_1(mut headers: HeaderMap) -> HeaderMap {
    for value in headers.values_mut().filter(|value| !value.as_bytes().is_ascii()) {
        let text = std::str::from_utf8(value.as_bytes()).unwrap_or_default();
        let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
        if let Some(bytes) = bytes.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok()) {
            *value = bytes;
        }
    }
    headers
}

/// The query of an event in received order, which the event's own type does not keep.
fn ordered_query(event: &[u8]) -> serde_json::Result<Query> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Ordered {
        multi_value_query_string_parameters: Map<String, Value>,
    }
    let ordered: Ordered = serde_json::from_slice(event)?;
    let mut pairs = Vec::new();
    for (name, values) in ordered.multi_value_query_string_parameters {
        for value in values.as_array().into_iter().flatten().filter_map(Value::as_str) {
            pairs.push((name.clone(), value.to_owned()));
        }
    }
    Ok(Query::from_pairs(pairs))
}

/// The id that the answer shows, and ours.
fn request_ids(headers: &HeaderMap, least: usize) -> (String, String) {
    let own = uuid::Uuid::now_v7().to_string();
    let given = headers.get("x-request-id").and_then(|value| value.to_str().ok());
    let allowed = |id: &&str| {
        (least..=128).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    let shown = given.filter(allowed).map_or_else(|| own.clone(), str::to_owned);
    (shown, own)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(more: Value) -> Result<Request, String> {
        let mut event = json!({
            "httpMethod": "GET", "resource": "/v1/studies/{id}", "path": "/v1/studies/x/",
            "requestContext": {"httpMethod": "GET"},
        });
        for (name, value) in more.as_object().unwrap() {
            event[name] = value.clone();
        }
        Request::from_event(event.to_string().as_bytes(), &["/v1"], 1)
    }

    #[test]
    fn the_path_is_the_client_s_and_never_the_resource() {
        let path_of = |path: Value| {
            let request = read(json!({"requestContext": {"httpMethod": "GET", "path": path}})).unwrap();
            (request.prefix, request.path)
        };
        let bare = (String::new(), "/v1/studies/x/".to_owned());
        assert_eq!(path_of(json!("/prod/v1/studies/x/")), ("/prod".to_owned(), bare.1.clone()));
        assert_eq!(path_of(json!("/v1/studies/{id}")), bare);
        assert_eq!(path_of(Value::Null), bare);
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for event in ["", "{}", "[]", r#"{"httpMethod":"GET","path":"/"}"#] {
            assert!(Request::from_event(event.as_bytes(), &["/v1"], 1).is_err(), "{event}");
        }
        assert!(read(json!({"path": null})).is_err());
        assert!(read(json!({"body": "?", "isBase64Encoded": true})).is_err());
    }

    #[test]
    fn odd_values_are_kept_as_they_came() {
        let request = read(json!({
            "headers": {"Host": "one", "X-Odd": "last"}, "path": "/v1/a b\u{fc}?#/[",
            "multiValueHeaders": {"Host": ["b/../:x"], "X-Forwarded-Proto": [" "], "X-Odd": ["\u{fc}", "\u{20ac}", "last"]},
            "multiValueQueryStringParameters": {"z": ["1", "2"], "a": ["\u{fc}"], "b": [""]}, "queryStringParameters": null,
            "body": null, "isBase64Encoded": false, "pathParameters": null, "stageVariables": null,
        }))
        .unwrap();
        let odd: Vec<_> = request.headers.get_all("x-odd").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(odd, [b"\xfc".as_slice(), "\u{20ac}".as_bytes(), b"last"]);
        assert_eq!(request.header("host").as_deref(), Some("b/../:x"));
        assert_eq!(request.path, "/v1/a b\u{fc}?#/[");
        assert_eq!(request.query.encode(), "z=1&z=2&a=%C3%BC&b=");
        assert!(request.body.is_empty() && request.path_parameters.is_empty());
        let single = read(json!({"headers": {"X-Odd": "\u{fc}"}, "multiValueHeaders": null})).unwrap();
        assert_eq!(single.header("x-odd").as_deref(), Some("\u{fc}"));
    }
}
