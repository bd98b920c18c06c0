//! The Lambda Runtime API, as much of it as the Rust runtime speaks.

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, FromRequest, Path, Request, State},
    http::{HeaderName, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use serde_json::Value;
use shared::{
    clock::{Clock, epoch_millis},
    lambda::{InvokeError, Reply},
};

use super::{pool::Delivery, processes::Lambda, streamed};
use crate::guard::HostNames;

/// Lambda's limit of an answer that is not streamed, in bytes.
const MAX_ANSWER: usize = 6_291_556;
/// How the runtime says that an answer is streamed: a JSON prelude, 8 NUL bytes, then data.
const MODE: &str = "lambda-runtime-function-response-mode";

/// The Runtime API of all functions: `/<secret>/<crate>/<process>` and then the paths that AWS names.
pub(super) fn router(lambda: Lambda, secret: &str) -> Router {
    let paths = Router::new()
        .route("/{function}/{worker}/2018-06-01/runtime/invocation/next", get(next))
        .route("/{function}/{worker}/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/{function}/{worker}/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/{function}/{worker}/2018-06-01/runtime/init/error", post(init_error))
        .layer(DefaultBodyLimit::max(MAX_ANSWER))
        .with_state(lambda);
    Router::new().nest(&format!("/{secret}"), paths).layer(middleware::from_fn(programs_only))
}

/// Refuses pages and foreign names: functions ask by the address.
async fn programs_only(request: Request, next: Next) -> Response {
    match HostNames::default().refusal(request.uri(), request.headers()) {
        Some(_) => StatusCode::FORBIDDEN.into_response(),
        None => next.run(request).await,
    }
}

/// Long poll: answers when there is work, never with 204.
async fn next(State(lambda): State<Lambda>, Path((function, worker)): Path<(String, u64)>) -> Response {
    let Some(delivery) = lambda.change(&function, |pool| pool.poll(worker)) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    tokio::select! {
        Ok(delivery) = delivery => deliver(&function, delivery),
        () = lambda.stopped() => StatusCode::GONE.into_response(),
        else => StatusCode::GONE.into_response(),
    }
}

fn deliver(function: &str, delivery: Delivery) -> Response {
    // the deadline is the machine's: a clock that was moved forward shortens no invocation
    let now = epoch_millis(Clock::system().now());
    let deadline = now + i64::try_from(delivery.timeout.as_millis()).unwrap_or(i64::MAX / 2);
    let headers = [
        (HeaderName::from_static("lambda-runtime-aws-request-id"), delivery.id),
        (HeaderName::from_static("lambda-runtime-deadline-ms"), deadline.to_string()),
        (
            HeaderName::from_static("lambda-runtime-invoked-function-arn"),
            format!("arn:aws:lambda:us-east-1:000000000000:function:{function}"),
        ),
        (HeaderName::from_static("content-type"), "application/json".to_owned()),
    ];
    (headers, delivery.event).into_response()
}

async fn response(
    State(lambda): State<Lambda>,
    Path((function, worker, id)): Path<(String, u64, String)>,
    request: Request,
) -> StatusCode {
    if request.headers().get(MODE).is_some_and(|mode| mode == "streaming") {
        return streamed_response(&lambda, &function, worker, &id, request.into_body()).await;
    }
    let (result, status) = match Bytes::from_request(request, &()).await {
        Ok(body) => (Ok(Reply::Whole(body)), StatusCode::ACCEPTED),
        Err(rejection) => (Err(InvokeError::failed(format!("answer refused: {rejection}"))), rejection.status()),
    };
    if lambda.change(&function, |pool| pool.answer(worker, &id, result)) { status } else { StatusCode::FORBIDDEN }
}

/// Hands a streamed answer on as it comes; the function is busy until its end.
async fn streamed_response(lambda: &Lambda, function: &str, worker: u64, id: &str, body: Body) -> StatusCode {
    let (result, rest) = match streamed::read(body).await {
        Ok((answer, rest)) => (Ok(Reply::Streamed(answer)), Some(rest)),
        Err(cause) => (Err(InvokeError::failed(format!("answer refused: {cause}"))), None),
    };
    let known = lambda.change(function, |pool| pool.answer(worker, id, result));
    match rest {
        _ if !known => StatusCode::FORBIDDEN,
        None => StatusCode::BAD_REQUEST,
        Some(rest) => {
            rest.await;
            lambda.change(function, |pool| pool.streamed(worker));
            StatusCode::ACCEPTED
        }
    }
}

async fn error(
    State(lambda): State<Lambda>,
    Path((function, worker, id)): Path<(String, u64, String)>,
    body: Bytes,
) -> StatusCode {
    let failed = Err(InvokeError::Failed(message(&body)));
    let known = lambda.change(&function, |pool| pool.answer(worker, &id, failed));
    if known { StatusCode::ACCEPTED } else { StatusCode::FORBIDDEN }
}

async fn init_error(
    State(lambda): State<Lambda>,
    Path((function, worker)): Path<(String, u64)>,
    body: Bytes,
) -> StatusCode {
    tracing::error!(function, worker, cause = message(&body), "function cannot start");
    lambda.change(&function, |pool| pool.ended(worker, &message(&body)));
    StatusCode::ACCEPTED
}

/// The text of a Runtime API error document.
fn message(body: &[u8]) -> String {
    let document: Option<Value> = serde_json::from_slice(body).ok();
    let text = document.as_ref().and_then(|document| document.get("errorMessage")).and_then(Value::as_str);
    text.unwrap_or("function failed").to_owned()
}
