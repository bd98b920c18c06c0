//! The edge: what happens to every request whatever its dialect. Request id, panic guard, security
//! headers, one canonical log line.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;

use super::reply::InvokeError;
use crate::{
    BoxFuture,
    clock::{Clock, epoch_millis},
    http::{Request, Response},
    store::round_trips,
};

/// A handler of HTTP requests, erased so that the edge is compiled once. What it works with it holds itself: the edge
/// knows no context, and so no store.
pub type Handler = Arc<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>;

/// What the edge must know of an API dialect.
#[derive(Debug)]
pub struct Dialect {
    /// Least characters of a request id that a client may name.
    pub min_request_id_length: usize,
    /// How the paths of the API begin; what a client's path holds before is the public prefix.
    pub roots: &'static [&'static str],
    /// The answer to a request whose handling failed; the cause is for the log.
    pub crash: fn(cause: String, accept_language: Option<&str>) -> Response,
    /// A path as the log may show it: without the credentials that some paths carry.
    pub loggable_path: fn(path: &str) -> String,
    /// Headers of every answer beside `X-Request-Id` and `Content-Length`.
    pub headers: &'static [(&'static str, &'static str)],
}

/// Answers one event. An error only when the event is not a request at all.
pub(super) async fn answer(
    function: &'static str,
    dialect: &'static Dialect,
    clock: Clock,
    handler: Handler,
    event: &[u8],
) -> Result<Response, InvokeError> {
    let request = Request::from_event(event, dialect.roots, dialect.min_request_id_length).map_err(|cause| {
        tracing::error!(function, cause, "event refused");
        InvokeError::Failed(cause)
    })?;
    let began = clock.now();
    let (method, path) = (request.method.clone(), (dialect.loggable_path)(&request.path));
    let (request_id, audit_id) = (request.request_id.clone(), request.audit_id.clone());
    let language = request.header("accept-language");
    let personal = is_personal(&request);
    let work = AssertUnwindSafe(async move { handler(request).await }).catch_unwind();
    let (answered, cost) = round_trips::counted(work).await;
    let mut answer = answered.unwrap_or_else(|panic| (dialect.crash)(panic_text(panic.as_ref()), language.as_deref()));
    for (name, value) in dialect.headers {
        answer = answer.header(name, *value);
    }
    answer = cacheable(answer, personal).header("X-Request-Id", request_id.clone());
    if answer.stream.is_none() {
        let length = answer.body.len();
        answer = answer.header("Content-Length", length.to_string());
    }
    if method == "HEAD" {
        answer.body.clear();
    }
    let duration_ms = epoch_millis(clock.now()) - epoch_millis(began);
    let outcome = match answer.status {
        500.. => "failed",
        400.. => "refused",
        _ => "answered",
    };
    tracing::info!(
        target: "canonical",
        request_id,
        audit_id,
        function,
        http.method = method,
        http.path = path,
        http.status = answer.status,
        outcome,
        cause = answer.cause.as_deref(),
        duration_ms,
        store.calls = cost.calls,
        store.sequential = cost.sequential,
        store.items_read = cost.items_read,
        "request"
    );
    Ok(answer)
}

/// Headers that carry credentials.
const CREDENTIALS: [&str; 4] = ["authorization", "cookie", "x-api-key", "x-webhook-secret"];

/// Whether the answer to a request is for who sent it alone: it came with a credential, of whatever dialect, or names a
/// host that a cache does not tell requests by.
fn is_personal(request: &Request) -> bool {
    CREDENTIALS.iter().chain(&["x-forwarded-host"]).any(|name| request.headers.contains_key(*name))
}

/// The answer with what caches may do with it (outset 13.1, outsend 2.1, openscouter 2.11): nobody keeps one that sets a
/// cookie, or that says nothing of it; no shared cache keeps a `personal` one.
fn cacheable(answer: Response, personal: bool) -> Response {
    let value = |name: &str| answer.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let given = value("Cache-Control").map(|(_, rule)| rule.as_str()).unwrap_or_default();
    let rules: Vec<_> = given.split(',').map(str::trim).filter(|rule| !rule.is_empty()).collect();
    let has = |names: &[&str]| rules.iter().any(|rule| names.contains(rule));
    let rule = if value("Set-Cookie").is_some() || rules.is_empty() {
        if has(&["no-transform"]) { "no-store, no-transform".to_owned() } else { "no-store".to_owned() }
    } else if personal && !has(&["no-store", "no-cache", "private"]) {
        let others = rules.iter().filter(|rule| **rule != "public" && !rule.starts_with("s-maxage"));
        ["private"].iter().chain(others).copied().collect::<Vec<_>>().join(", ")
    } else {
        return answer;
    };
    answer.header("Cache-Control", rule)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    format!("panic: {}", text.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::*;
    use crate::{clock::Clock, lambda, outset};

    /// Sends one request through the edge to a handler.
    async fn through(handler: fn(Request) -> BoxFuture<'static, Response>, method: &str, request_id: &str) -> Value {
        let invoke = lambda::http("test", &outset::DIALECT, Clock::system(), false, Arc::new(handler));
        let event = json!({
            "httpMethod": method, "path": "/v1/x/", "requestContext": {"httpMethod": method},
            "multiValueHeaders": {"X-Request-Id": [request_id]},
        });
        serde_json::from_slice(&invoke(Bytes::from(event.to_string())).await.unwrap().whole().unwrap()).unwrap()
    }

    fn panicking(_: Request) -> BoxFuture<'static, Response> {
        Box::pin(async { panic!("the password is hunter2") })
    }

    fn hello(_: Request) -> BoxFuture<'static, Response> {
        Box::pin(async { Response::empty(200).header("X-Odd", "a\r\nb").body("hello") })
    }

    #[test]
    fn what_caches_may_do() {
        for (given, cookie, personal, rule) in [
            (None, false, false, "no-store"),
            (Some("public, max-age=60"), false, false, "public, max-age=60"),
            (Some("public, max-age=60"), false, true, "private, max-age=60"),
            (Some("public, s-maxage=9, max-age=60"), false, true, "private, max-age=60"),
            (Some("max-age=60"), false, true, "private, max-age=60"),
            (Some("private, no-cache"), false, true, "private, no-cache"),
            (Some("no-cache, no-transform"), false, true, "no-cache, no-transform"),
            (Some("no-cache, no-transform"), true, true, "no-store, no-transform"),
            (Some("public, max-age=60"), true, false, "no-store"),
            (Some("private, max-age=9"), true, true, "no-store"),
        ] {
            let mut answer = Response::empty(200);
            if let Some(given) = given {
                answer = answer.header("Cache-Control", given);
            }
            if cookie {
                answer = answer.header("Set-Cookie", "a=b");
            }
            let answer = cacheable(answer, personal);
            let rules: Vec<_> = answer.headers.iter().filter(|(name, _)| *name == "Cache-Control").collect();
            assert_eq!(rules, [&("Cache-Control", rule.to_owned())], "{given:?}");
        }
    }

    #[tokio::test]
    async fn a_panic_is_the_envelope_of_a_500_and_tells_nothing() {
        let answer = through(panicking, "GET", "r-1").await;
        assert_eq!(answer["statusCode"], 500);
        let body = r#"{"status":"error","errors":[{"field":null,"detail":"A server error occurred.","code":"error"}]}"#;
        assert_eq!(answer["body"], body);
        assert_eq!(answer["multiValueHeaders"]["X-Request-Id"][0], "r-1");
    }

    #[tokio::test]
    async fn every_answer_has_the_headers_of_the_edge() {
        let answer = through(hello, "HEAD", "not an id!").await;
        let headers = &answer["multiValueHeaders"];
        assert_eq!((&answer["body"], &headers["Content-Length"][0]), (&json!(""), &json!("5")));
        for (name, value) in outset::DIALECT.headers {
            assert_eq!(&headers[name][0], value);
        }
        assert_eq!(headers["X-Request-Id"][0].as_str().unwrap().len(), 36, "a fresh id for a malformed one");
        assert_eq!(headers["X-Odd"][0], "ab", "no header line can be broken");
    }
}
