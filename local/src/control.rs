//! The control port: health, the clock, schedules, the log. It exists on a laptop only.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    middleware,
    response::{Html, IntoResponse},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    control_plane::ControlPlane,
    guard::{HostNames, local_only},
    log::Capture,
    private,
    schedule::{FireError, Scheduler},
};

/// Most mails that are kept.
const MAX_MAILS: usize = 1_000;

/// Mails in the order in which SES would have got them; in memory only, since their links are secrets.
pub type Outbox = Arc<Mutex<VecDeque<Value>>>;

/// What the control port works on.
#[derive(Clone, Debug)]
pub struct Control {
    /// The clock's offset in milliseconds.
    pub offset: Arc<AtomicI64>,
    /// Where the offset is kept for other processes and for the next start.
    pub clock_file: Option<PathBuf>,
    /// The log.
    pub log: Capture,
    /// What fires schedules.
    pub scheduler: Scheduler,
    /// Mails that would have been sent.
    pub outbox: Outbox,
    /// Names and base URLs of the APIs.
    pub urls: Vec<(&'static str, String)>,
    /// Names under which the port may be asked for.
    pub hosts: HostNames,
    /// The gateway's control plane.
    pub control_plane: ControlPlane,
}

impl Control {
    /// The HTTP service. It reads mails and moves the clock for whoever asks from this machine, so no page of another
    /// site is answered.
    pub fn router(self) -> Router {
        let guard = middleware::from_fn_with_state(self.hosts.clone(), local_only);
        Router::new()
            .route("/", get(page))
            .route("/_local/health", get(health))
            .route("/_local/mail", get(mails))
            .route("/v2/email/outbound-emails", post(take_mail))
            .route("/_local/clock", post(advance))
            .route("/_local/schedules/{function}", post(fire))
            .route("/_local/log", get(log))
            .with_state(self.clone())
            .merge(self.control_plane.router())
            .layer(guard)
    }
}

fn contents(outbox: &Outbox) -> MutexGuard<'_, VecDeque<Value>> {
    outbox.lock().unwrap_or_else(PoisonError::into_inner)
}

/// That it runs, and which program of which process.
async fn health() -> Json<Value> {
    Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION"), "process": std::process::id()}))
}

async fn mails(State(control): State<Control>) -> Json<Vec<Value>> {
    Json(contents(&control.outbox).iter().cloned().collect())
}

/// SES's `SendEmail`, as far as the functions use it.
async fn take_mail(State(control): State<Control>, Json(sent): Json<Value>) -> impl IntoResponse {
    let at = |path: &str| sent.pointer(path).cloned().unwrap_or_default();
    let to = at("/Destination/ToAddresses");
    let mail = json!({
        "from": at("/FromEmailAddress"),
        "to": to,
        "subject": at("/Content/Simple/Subject/Data"),
        "text": at("/Content/Simple/Body/Text/Data"),
        "html": at("/Content/Simple/Body/Html/Data"),
    });
    if !to.is_array() || mail["text"].is_null() || mail["html"].is_null() {
        return (StatusCode::BAD_REQUEST, Json(json!({"message": "a simple mail with text and HTML is expected"})));
    }
    let mut outbox = contents(&control.outbox);
    if outbox.len() >= MAX_MAILS {
        outbox.pop_front();
    }
    outbox.push_back(mail);
    (StatusCode::OK, Json(json!({"MessageId": uuid::Uuid::new_v4().to_string()})))
}

async fn page(State(control): State<Control>) -> Html<String> {
    let rows: String = control.urls.iter().map(|(name, url)| format!("<li>{name}: <code>{url}</code></li>")).collect();
    Html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>outscout</title></head>\
         <body><h1>outscout</h1><p>Base URLs:</p><ul>{rows}</ul></body></html>"
    ))
}

/// Moves the clock of the whole local system forward.
async fn advance(State(control): State<Control>, body: String) -> impl IntoResponse {
    let asked: Option<Value> = shared::json::parse(body.as_bytes()).ok();
    let seconds =
        asked.and_then(|asked| asked.get("advance_seconds")?.as_u64()).and_then(|seconds| i64::try_from(seconds).ok());
    let Some(milliseconds) = seconds.and_then(|seconds| seconds.checked_mul(1_000)).filter(|ms| *ms < 1 << 42) else {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": "advance_seconds must be a whole number of seconds"})));
    };
    let offset = control.offset.fetch_add(milliseconds, Ordering::SeqCst) + milliseconds;
    if let Some(file) = &control.clock_file
        && let Err(error) = private::write(file, offset.to_string().as_bytes())
    {
        tracing::error!(cause = %error, "clock not kept");
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": "clock not kept"})));
    }
    (StatusCode::OK, Json(json!({"offset_seconds": offset / 1_000})))
}

/// Fires a function's schedule now and waits for the outcome.
async fn fire(State(control): State<Control>, Path(function): Path<String>) -> impl IntoResponse {
    let (status, error) = match control.scheduler.fire(&function).await {
        Ok(()) => return (StatusCode::OK, Json(json!({"fired": function}))),
        Err(error @ FireError::Unknown(_)) => (StatusCode::NOT_FOUND, error),
        Err(error @ FireError::Failed(_)) => (StatusCode::BAD_GATEWAY, error),
    };
    (status, Json(json!({"error": error.to_string()})))
}

#[derive(Deserialize)]
struct LogQuery {
    request_id: String,
}

async fn log(State(control): State<Control>, Query(query): Query<LogQuery>) -> Json<Vec<Value>> {
    Json(control.log.of(&query.request_id))
}
