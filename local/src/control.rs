//! The control port: health, the clock, schedules, the log, and a page with all of it. It exists on a laptop only.

mod pages;
mod reference;

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    middleware,
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use self::{pages::Front, reference::Apis};
use crate::{
    control_plane::ControlPlane,
    embedded_store::Trouble,
    guard::{HostNames, local_only, named_only},
    log::Capture,
    private,
    schedule::{FireError, Scheduler},
};

/// Most mails that are kept.
const MAX_MAILS: usize = 1_000;

/// Mails in the order in which SES would have got them; in memory only, since their links are secrets.
pub type Outbox = Arc<Mutex<VecDeque<Value>>>;

/// What the server said when it was ready.
#[derive(Clone, Debug)]
pub struct Ready {
    /// For people: where everything is, who the demo's people are, and what to try.
    pub text: String,
    /// For programs.
    pub line: Value,
}

/// What the server said when it was ready, once it did.
pub type Said = Arc<OnceLock<Ready>>;

/// The documents of the APIs, by name.
const DOCUMENTS: [(&str, &str); 3] = [
    ("outset", include_str!("../../openapi/outset.json")),
    ("outsend", include_str!("../../openapi/outsend.json")),
    ("openscouter", include_str!("../../openapi/openscouter.json")),
];

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
    /// What the server said.
    pub said: Said,
    /// What is wrong with the disks of the stores.
    pub troubles: Vec<Trouble>,
}

impl Control {
    /// The HTTP service. It reads mails and moves the clock for whoever asks from this machine, so no page of another
    /// site is answered.
    pub fn router(self) -> Router {
        let guard = middleware::from_fn_with_state(self.hosts.clone(), local_only);
        let named = middleware::from_fn_with_state(self.hosts.clone(), named_only);
        // what an operation takes need not be JSON
        let apis = Apis(self.urls.clone());
        let tried = reference::tried(apis.clone()).layer(named);
        Router::new()
            .route("/", get(page))
            .route("/_local/health", get(health))
            .route("/_local/status", get(status))
            .route("/_local/page.js", get(script))
            .route("/_local/openapi/{document}", get(document))
            .route("/_local/mail", get(mails))
            .route("/_local/mail/{number}", get(mail))
            .route("/v2/email/outbound-emails", post(take_mail))
            .route("/_local/clock", post(advance))
            .route("/_local/schedules/{function}", post(fire))
            .route("/_local/log", get(log))
            .with_state(self.clone())
            .merge(reference::router(apis))
            .merge(self.control_plane.router())
            .layer(guard)
            .merge(tried)
    }
}

fn contents(outbox: &Outbox) -> MutexGuard<'_, VecDeque<Value>> {
    outbox.lock().unwrap_or_else(PoisonError::into_inner)
}

/// That it runs, and which program of which process; and what is wrong when the store cannot write.
async fn health(State(control): State<Control>) -> (StatusCode, Json<Value>) {
    let cause = control.troubles.iter().find_map(Trouble::told);
    let (code, status) =
        if cause.is_some() { (StatusCode::SERVICE_UNAVAILABLE, "failing") } else { (StatusCode::OK, "ok") };
    let mut health = json!({"status": status, "version": env!("CARGO_PKG_VERSION"), "process": std::process::id()});
    if let Some(cause) = cause {
        health["cause"] = cause.into();
    }
    (code, Json(health))
}

/// What the server said when it was ready: for people, and for programs.
async fn status(State(control): State<Control>) -> Response {
    match control.said.get() {
        Some(ready) => Json(json!({"text": ready.text, "ready": ready.line})).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"error": "the server is starting"}))).into_response(),
    }
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

async fn page(State(control): State<Control>) -> impl IntoResponse {
    let mails: Vec<_> = contents(&control.outbox).iter().cloned().collect();
    let front = Front {
        urls: &control.urls,
        said: control.said.get().map(|ready| ready.text.as_str()),
        mails: &mails,
        schedules: control.scheduler.functions().collect(),
        now: control.scheduler.now(),
    };
    shown(front.page())
}

/// A page that loads nothing from elsewhere and runs the port's own script alone.
fn shown(page: String) -> impl IntoResponse {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page))
}

async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript")], pages::SCRIPT)
}

async fn mail(State(control): State<Control>, Path(number): Path<usize>) -> Response {
    let found = contents(&control.outbox).get(number).cloned();
    match found {
        Some(mail) => shown(pages::mail(&mail)).into_response(),
        None => (StatusCode::NOT_FOUND, Json(json!({"error": "no such mail"}))).into_response(),
    }
}

#[derive(Deserialize)]
struct DocumentQuery {
    /// Whether it is for the page that tries operations through this port.
    r#try: Option<u8>,
}

/// An API's document with this server's base URL, for tools.
async fn document(
    State(control): State<Control>,
    Path(name): Path<String>,
    Query(query): Query<DocumentQuery>,
) -> Response {
    let missing = || (StatusCode::NOT_FOUND, Json(json!({"error": "no such document"}))).into_response();
    let Some(name) = name.strip_suffix(".json") else { return missing() };
    let text = DOCUMENTS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
    let url = control.urls.iter().find(|(known, _)| known.to_lowercase() == name).map(|(_, url)| url);
    let (Some(text), Some(url)) = (text, url) else { return missing() };
    let Ok(mut document) = serde_json::from_str::<Value>(text) else { return missing() };
    let base = url.trim_end_matches("/api").trim_end_matches("/v1");
    let through = format!("/_local/try/{name}");
    document["servers"] = json!([{"url": if query.r#try.is_some() { &through } else { base }}]);
    Json(document).into_response()
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
    request_id: Option<String>,
    #[serde(default)]
    after: usize,
}

/// The canonical lines of a request; without one, the last lines of whatever kind, from a place on that an earlier answer named.
async fn log(State(control): State<Control>, Query(query): Query<LogQuery>) -> Json<Value> {
    if let Some(id) = &query.request_id {
        return Json(control.log.of(id).into());
    }
    let (lines, next) = control.log.behind(query.after);
    Json(json!({"lines": lines, "next": next}))
}
