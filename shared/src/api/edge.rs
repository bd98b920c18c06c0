//! The edge: what happens to every request whatever its dialect. Request id, panic guard, security
//! headers, one canonical log line.

use std::panic::AssertUnwindSafe;

use bytes::Bytes;
use futures_util::FutureExt;

use super::{ApiRequest, outset};
use crate::{
    clock::epoch_millis,
    context::Context,
    serve::{Handler, InvokeError},
    store::trips,
};

/// Headers of every answer (outset 13.1).
const SECURITY_HEADERS: [(&str, &str); 4] = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
];

/// Answers one event. An error only when the event is not a request at all.
pub(crate) async fn answer(
    function: &'static str,
    context: Context,
    handler: Handler,
    event: &[u8],
) -> Result<Bytes, InvokeError> {
    let request = ApiRequest::from_event(event).map_err(|cause| {
        tracing::error!(function, cause, "event refused");
        InvokeError::Failed(cause)
    })?;
    let clock = context.clock().clone();
    let began = clock.now();
    let (method, path, request_id) =
        (request.method.clone(), outset::loggable_path(&request.path), request.request_id.clone());
    let work = AssertUnwindSafe(async move { handler(context, request).await }).catch_unwind();
    let (answered, cost) = trips::counted(work).await;
    let mut answer = answered.unwrap_or_else(|panic| outset::crash(panic_text(panic.as_ref())));
    for (name, value) in SECURITY_HEADERS {
        answer = answer.header(name, value);
    }
    answer = answer.header("X-Request-Id", request_id.clone());
    let length = answer.body.len();
    answer = answer.header("Content-Length", length.to_string());
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
    Ok(answer.to_event())
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    format!("panic: {}", text.unwrap_or_default())
}
