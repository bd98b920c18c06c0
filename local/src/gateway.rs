//! The local gateway: an HTTP request becomes the REST API proxy event that API Gateway would send,
//! and the answer goes back under the gateway's rules.

mod authorizer;
mod event;

use std::{
    collections::HashMap,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
};
use base64::Engine as _;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderName, HeaderValue, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::json;
use shared::{
    clock::epoch_millis,
    config::ExposeSecret as _,
    context::Context,
    http::query::is_malformed,
    lambda::{Invoke, InvokeError, Reply, Streamed},
};
use tokio::sync::Semaphore;

use self::authorizer::Front;
use crate::{routing::find, template::Api, usage_plans::UsagePlans};

/// API Gateway takes bodies of up to 10 MB.
const MAX_BODY: usize = 10 * 1024 * 1024;

/// API Gateway takes 10,240 bytes of headers.
const MAX_HEADERS: usize = 10_240;
/// API Gateway waits 29 seconds for an integration.
const TIME_LIMIT: Duration = Duration::from_secs(29);
/// API Gateway lets a streamed answer last 15 minutes.
const STREAM_LIMIT: Duration = Duration::from_secs(15 * 60);
/// Invocations that run at a time; more wait their turn. Each has a few calls to the store under
/// way, which a thousand at once would only make wait for connections.
const MAX_RUNNING: usize = 64;

/// One API of the local system.
pub struct Gateway {
    api: Api,
    invokers: HashMap<String, Invoke>,
    context: Context,
    front: Front,
    running: Semaphore,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Gateway").field("api", &self.api).finish_non_exhaustive()
    }
}

impl Gateway {
    /// A gateway for `api` over functions by crate name, behind the function `authorizer`; and its usage plans.
    #[must_use]
    pub fn new(
        api: Api,
        authorizer: &str,
        invokers: &HashMap<String, Invoke>,
        context: &Context,
    ) -> (Self, UsagePlans) {
        let settings = context.settings();
        let plans = UsagePlans::new(&api, settings.gateway_keys.expose_secret(), settings.outset.limits);
        let asking = Semaphore::new(MAX_RUNNING);
        let front = Front { authorizer: invokers.get(authorizer).cloned(), plans: plans.clone(), asking };
        let (invokers, context) = (invokers.clone(), context.clone());
        (Self { api, invokers, context, front, running: Semaphore::new(MAX_RUNNING) }, plans)
    }

    /// The HTTP service.
    pub fn router(self) -> Router {
        Router::new().fallback(handle).with_state(Arc::new(self))
    }

    /// Answers a request that comes from this process.
    pub(crate) async fn ask(self: &Arc<Self>, request: Request) -> Response<Body> {
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        handle(State(Arc::clone(self)), ConnectInfo(peer), request).await
    }

    /// The refusal of a request that is not looked at, if it is one: its headers are too long, or its query cannot be
    /// decoded. The function gets a decoded query and cannot tell; Outset reads broken escapes as they stand (outset 8.4).
    fn unread(&self, parts: &Parts, request_id: &str) -> Option<Response<Body>> {
        let header_bytes: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if header_bytes > MAX_HEADERS {
            return Some(self.own("REQUEST_TOO_LARGE", "DEFAULT_4XX", 413, "Request Too Long", request_id));
        }
        let malformed = self.api.name == "openscouter" && parts.uri.query().is_some_and(is_malformed);
        malformed.then(|| self.own("BAD_REQUEST_PARAMETERS", "DEFAULT_4XX", 400, "Bad Request", request_id))
    }

    /// An answer that the gateway makes by itself: the template's, or API Gateway's own.
    fn own(&self, kind: &str, default: &str, status: u16, message: &str, request_id: &str) -> Response<Body> {
        let response = self.api.responses.get(kind).or_else(|| self.api.responses.get(default));
        let Some(response) = response else {
            let body = json!({"message": message}).to_string();
            return answer(
                status,
                [("content-type".to_owned(), "application/json".to_owned())].into_iter(),
                Bytes::from(body),
                false,
            );
        };
        // the one header that names a place is OpenScouter's
        let public = self.context.settings().openscouter.public_url.as_deref().unwrap_or_default();
        let value = |value: &str| match value {
            "context.requestId" => request_id.to_owned(),
            quoted => quoted.trim_matches('\'').replace("${PublicUrl}", public),
        };
        let headers = response.headers.iter().map(|(name, text)| (name.clone(), value(text)));
        let headers = headers.chain([("content-type".to_owned(), "application/json".to_owned())]);
        answer(response.status, headers, Bytes::from(response.body.clone()), false)
    }
}

async fn handle(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    let request_id = uuid::Uuid::new_v4().to_string();
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    if let Some(refusal) = gateway.unread(&parts, &request_id) {
        return refusal;
    }
    let Some(found) = find(&gateway.api.routes, parts.method.as_str(), &path) else {
        return gateway.own(
            "MISSING_AUTHENTICATION_TOKEN",
            "DEFAULT_4XX",
            403,
            "Missing Authentication Token",
            &request_id,
        );
    };
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return gateway.own("REQUEST_TOO_LARGE", "DEFAULT_4XX", 413, "Request Too Long", &request_id);
        }
        Err(_) => return gateway.own("BAD_REQUEST_BODY", "DEFAULT_4XX", 400, "Bad Request", &request_id),
    };
    let now = epoch_millis(gateway.context.clock().now());
    let frame = event::frame(&gateway.api, &parts, &found, (&path, peer, &request_id, now));
    if let Some(name) = found.authorizer
        && let Err(refusal) = gateway.front.admits(&gateway.api, name, &parts, (&frame, now)).await
    {
        return gateway.own(refusal.kind, refusal.default, refusal.status, refusal.message, &request_id);
    }
    let event = event::proxied(frame, &body);
    let outcome = match gateway.invokers.get(found.function) {
        Some(invoke) => {
            let _running = gateway.running.acquire().await;
            let answered = tokio::time::timeout(TIME_LIMIT, invoke(Bytes::from(event))).await;
            answered.unwrap_or(Err(InvokeError::TimedOut(TIME_LIMIT)))
        }
        None => Err(InvokeError::failed("no such function")),
    };
    match outcome.and_then(|reply| read_reply(reply, found.streams)) {
        Ok(Read::Whole(status, headers, body)) => {
            answer(status, headers.into_iter(), body, parts.method == http::Method::HEAD)
        }
        Ok(Read::Streamed(streamed)) => stream_answer(streamed),
        Err(error) => {
            tracing::error!(request_id, function = found.function, cause = %error, "invocation failed");
            let (kind, status, message) = match error {
                InvokeError::Failed(_) => ("INTEGRATION_FAILURE", 502, "Internal server error"),
                InvokeError::TimedOut(_) => ("INTEGRATION_TIMEOUT", 504, "Endpoint request timed out"),
            };
            gateway.own(kind, "DEFAULT_5XX", status, message, &request_id)
        }
    }
}

enum Read {
    Whole(u16, Vec<(String, String)>, Bytes),
    Streamed(Streamed),
}

/// Reads a function's answer in the form that its route has.
fn read_reply(reply: Reply, streams: bool) -> Result<Read, InvokeError> {
    match reply {
        Reply::Whole(bytes) if !streams => read_answer(&bytes).map_err(InvokeError::Failed),
        Reply::Streamed(streamed) if streams => Ok(Read::Streamed(streamed)),
        _ => Err(InvokeError::failed("the answer has not the form that the route declares")),
    }
}

/// A streamed answer on its way to the client, which is cut off when it has lasted too long.
fn stream_answer(streamed: Streamed) -> Response<Body> {
    let end = tokio::time::Instant::now() + STREAM_LIMIT;
    let pieces = futures_util::stream::unfold(streamed.body, move |mut body| async move {
        let piece = tokio::time::timeout_at(end, body.next()).await.ok()??;
        Some((piece, body))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    *response.status_mut() = StatusCode::from_u16(streamed.status).unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in streamed.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value.as_bytes())) {
            response.headers_mut().append(name, value);
        }
    }
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response
}

/// A proxy response as functions answer it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProxyResponse {
    status_code: u16,
    #[serde(default, deserialize_with = "each_header")]
    multi_value_headers: Vec<(String, String)>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// Headers in their order, one for each value.
fn each_header<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, String)>, D::Error> {
    struct Headers;
    impl<'de> Visitor<'de> for Headers {
        type Value = Vec<(String, String)>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("headers with their values")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut headers = Vec::new();
            while let Some((name, values)) = map.next_entry::<String, Vec<String>>()? {
                headers.extend(values.into_iter().map(|value| (name.clone(), value)));
            }
            Ok(headers)
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }
    }
    deserializer.deserialize_any(Headers)
}

/// Reads a proxy response; the text says what is wrong with it.
fn read_answer(bytes: &Bytes) -> Result<Read, String> {
    let malformed = |error: &dyn fmt::Display| format!("malformed answer: {error}");
    let answer: ProxyResponse = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
    let body = answer.body.unwrap_or_default();
    let body = if answer.is_base64_encoded {
        base64::engine::general_purpose::STANDARD.decode(body).map_err(|error| malformed(&error))?.into()
    } else {
        Bytes::from(body)
    };
    Ok(Read::Whole(answer.status_code, answer.multi_value_headers, body))
}

fn answer(status: u16, headers: impl Iterator<Item = (String, String)>, body: Bytes, head: bool) -> Response<Body> {
    let length = body.len();
    let mut response = Response::new(if head { Body::empty() } else { Body::from(body) });
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value.as_bytes())) {
            response.headers_mut().append(name, value);
        }
    }
    if !head && status != 304 {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    } else if status == 304 {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use super::*;
    use crate::{data, embedded_store::new_credentials, template::Templates};

    /// An authorizer that names a key.
    fn naming(key: &'static str) -> Invoke {
        let statement = json!({"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "*"});
        let answer = json!({"policyDocument": {"Statement": [statement]}, "usageIdentifierKey": key});
        let answer = Bytes::from(answer.to_string());
        Arc::new(move |_| {
            let answer = answer.clone();
            Box::pin(async move { Ok(Reply::Whole(answer)) })
        })
    }

    async fn status(error: InvokeError) -> u16 {
        behind(Some(naming("outset-free-0-local")), error).await
    }

    /// The status of a request whose function fails, behind an authorizer.
    async fn behind(authorizer: Option<Invoke>, error: InvokeError) -> u16 {
        asked(&gateway(authorizer, error)).await
    }

    /// A gateway whose function fails, behind an authorizer.
    fn gateway(authorizer: Option<Invoke>, error: InvokeError) -> Arc<Gateway> {
        let (nowhere, credentials) = ("http://127.0.0.1:1", new_credentials().unwrap());
        let places = data::Places { store: nowhere, windows: nowhere, clock: None, credentials: &credentials };
        let settings = data::settings(places, &[]).unwrap();
        let context = Context::new(settings, shared::clock::Clock::system());
        let invoke: Invoke = Arc::new(move |_| {
            let error = error.clone();
            Box::pin(async move { Err(error) })
        });
        let mut invokers = HashMap::from([("outset-studies-list".to_owned(), invoke)]);
        invokers.extend(authorizer.map(|authorizer| ("authorizer".to_owned(), authorizer)));
        let api = Templates::embedded().unwrap().outset;
        Arc::new(Gateway::new(api, "authorizer", &invokers, &context).0)
    }

    /// The status of a request.
    async fn asked(gateway: &Arc<Gateway>) -> u16 {
        let request = Request::builder().uri("/v1/studies/").body(Body::empty()).unwrap();
        let peer = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 9)));
        handle(State(Arc::clone(gateway)), peer, request).await.status().as_u16()
    }

    #[test]
    fn an_answer_has_its_headers_in_order() {
        let read = |text: &'static str| match read_answer(&Bytes::from_static(text.as_bytes())) {
            Ok(Read::Whole(status, headers, body)) => {
                let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("{status} {} {}", headers.join(","), String::from_utf8_lossy(&body))
            }
            Ok(Read::Streamed(_)) => "streamed".to_owned(),
            Err(cause) => cause,
        };
        let headers =
            r#"{"statusCode":201,"multiValueHeaders":{"X-B":["1","2"],"A":["\u00fc"]},"body":"x","other":null}"#;
        assert_eq!(read(headers), "201 X-B=1,X-B=2,A=\u{fc} x");
        assert_eq!(read(r#"{"statusCode":204,"multiValueHeaders":null,"body":null}"#), "204  ");
        assert_eq!(read(r#"{"statusCode":200,"body":"YQ==","isBase64Encoded":true}"#), "200  a");
        for bad in ["{}", r#"{"statusCode":"200"}"#, r#"{"statusCode":200,"body":"?","isBase64Encoded":true}"#, "x"] {
            assert!(read(bad).starts_with("malformed answer: "), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_failure_and_a_time_out_are_told_apart() {
        assert_eq!(status(InvokeError::failed("x")).await, 500);
        assert_eq!(status(InvokeError::TimedOut(Duration::from_secs(29))).await, 504);
    }

    #[tokio::test]
    async fn of_many_requests_at_once_some_wait_before_the_authorizer_s_time_runs() {
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counts = (Arc::clone(&running), Arc::clone(&most));
        let named = naming("outset-free-0-local");
        let slow: Invoke = Arc::new(move |event| {
            let ((running, most), named) = (counts.clone(), Arc::clone(&named));
            Box::pin(async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(1)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                named(event).await
            })
        });
        let gateway = gateway(Some(slow), InvokeError::failed("x"));
        futures_util::future::join_all((0..1_000).map(|_| asked(&gateway))).await;
        assert_eq!(most.load(Ordering::SeqCst), MAX_RUNNING);
    }

    #[tokio::test]
    async fn what_goes_wrong_with_the_authorizer_is_a_failure_and_no_refusal() {
        let asked = || InvokeError::TimedOut(Duration::from_secs(29));
        assert_eq!(behind(Some(naming("outset-free-0-local")), asked()).await, 504, "the function was invoked");
        assert_eq!(behind(Some(naming("nobody-s")), asked()).await, 500, "an unknown key");
        assert_eq!(behind(None, asked()).await, 500, "no authorizer");
        let odd: Invoke = Arc::new(|_| Box::pin(async { Ok(Reply::Whole(Bytes::from_static(b"7"))) }));
        assert_eq!(behind(Some(odd), asked()).await, 500, "an odd answer");
        let failing: Invoke = Arc::new(|_| Box::pin(async { Err(InvokeError::failed("x")) }));
        assert_eq!(behind(Some(failing), asked()).await, 500, "a failure");
    }
}
