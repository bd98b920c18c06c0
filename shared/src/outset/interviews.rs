//! Participant links (outset 14).

use std::collections::BTreeMap;

use super::{
    access::check_address_limit,
    envelope::Problem,
    rules::{
        error::FieldError,
        fill,
        uuid::{SegmentId, read},
    },
    view::{PLAIN, add_slash, public_base, rate_limit, unrouted},
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{SessionState, SessionToken, StudyId},
    store::StartOutcome,
};

const MAX_NAMES: usize = 50;
const MAX_NAME: usize = 100;
const MAX_VALUE: usize = 1_000;
const UID: &str = "outset_survey_uid";
const START: &str = "/interviews/public-surveys/";

/// A refusal of a link: status, code, and the words for a person.
type Refused = (u16, &'static str, &'static str);

const NOT_FOUND: Refused = (404, "not_found", "Not found.");
const ALREADY_USED: Refused = (409, "link_already_used", "This link has already been used.");
const NOT_ACTIVE: Refused = (403, "study_not_active", "This study is not taking participants at the moment.");
const CLOSED: Refused = (410, "study_closed", "This study has ended.");
const EXPIRED: Refused = (410, "session_expired", "This session has expired.");

/// A path for the log: a session's token is a credential and is left out.
#[must_use]
pub fn loggable_path(path: &str) -> String {
    match path.strip_prefix("/interviews/") {
        Some(rest) if !rest.starts_with("public-surveys/") => "/interviews/{session}/complete/".to_owned(),
        _ => path.to_owned(),
    }
}

/// `GET /interviews/public-surveys/{id}/start/`.
#[must_use]
pub fn start(context: Context, request: Request) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        let segment = segment(&request.path, START, "/start");
        link(&context, &request, segment, |segment| Box::pin(visit_start(&context, &request, segment))).await
    })
}

/// `GET /interviews/{session}/complete/`.
#[must_use]
pub fn complete(context: Context, request: Request) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        let segment = segment(&request.path, "/interviews/", "/complete");
        link(&context, &request, segment, |segment| Box::pin(visit_complete(&context, &request, segment))).await
    })
}

/// The variable segment of a link's path, and whether the path ends in its slash.
fn segment(path: &str, before: &str, after: &str) -> Option<(String, bool)> {
    let (bare, slashed) = path.strip_suffix('/').map_or((path, false), |bare| (bare, true));
    let segment = bare.strip_prefix(before)?.strip_suffix(after)?;
    (!segment.is_empty() && !segment.contains('/')).then(|| (segment.to_owned(), slashed))
}

/// What all links share: routing, methods, the limit of the source address, headers.
async fn link<'a, F>(context: &'a Context, request: &'a Request, segment: Option<(String, bool)>, cx: F) -> Response
where
    F: FnOnce(String) -> BoxFuture<'a, Result<Response, Problem>>,
{
    let Some((segment, slashed)) = segment else { return unrouted() };
    if !slashed && request.is_safe() {
        return add_slash(request);
    }
    let now = context.clock().now();
    let counted = match check_address_limit(context, request, now).await {
        Ok(counted) => counted,
        Err((problem, counted)) => return rate_limit(problem.answer(PLAIN), counted),
    };
    let answer = if matches!(request.method.as_str(), "GET" | "HEAD") {
        cx(segment).await.unwrap_or_else(|problem| problem.answer(PLAIN))
    } else {
        let text = format!("Method \"{}\" not allowed.", request.method);
        refusal(request, 405, "method_not_allowed", &text).header("Allow", "GET, HEAD")
    };
    rate_limit(answer.header("Cache-Control", "no-store"), counted)
}

fn wants_json(request: &Request) -> bool {
    let accept = request.header("accept").unwrap_or_default().to_ascii_lowercase();
    accept.contains("application/json") && !accept.contains("text/html")
}

fn refusal(request: &Request, status: u16, code: &'static str, text: &str) -> Response {
    if wants_json(request) {
        let error = FieldError { field: None, code, detail: text.to_owned() };
        let mut answer = Problem::Invalid(vec![error]).answer(PLAIN);
        answer.status = status;
        return answer;
    }
    page(status, text)
}

fn refused(request: &Request, (status, code, text): Refused) -> Response {
    refusal(request, status, code, text)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn html(status: u16, title: &str, body: &str) -> Response {
    let title = escape(title);
    Response::empty(status).header("Content-Type", "text/html; charset=utf-8").body(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body><h1>{title}</h1>{body}</body></html>\n"
    ))
}

fn page(status: u16, text: &str) -> Response {
    html(status, text, "")
}

/// The participant's metadata (outset 14.1): the last occurrence of a name counts, what is too long or too many is dropped.
fn metadata(request: &Request) -> BTreeMap<String, String> {
    let mut metadata: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in request.query.pairs() {
        let fits = name.chars().count() <= MAX_NAME && value.chars().count() <= MAX_VALUE;
        if fits && (metadata.len() < MAX_NAMES || metadata.contains_key(name)) {
            metadata.insert(name.clone(), value.clone());
        }
    }
    metadata
}

async fn visit_start(context: &Context, request: &Request, segment: String) -> Result<Response, Problem> {
    let SegmentId::Id(id) = read(&segment) else { return Ok(refused(request, NOT_FOUND)) };
    let uid = request.query.last(UID).filter(|uid| !uid.is_empty());
    let metadata = metadata(request);
    let dry = request.method == "HEAD";
    let now = context.clock().now();
    let outcome = context.store().start_session(StudyId::from_uuid(id), uid, &metadata, now, dry).await?;
    Ok(match outcome {
        StartOutcome::NotFound => refused(request, NOT_FOUND),
        StartOutcome::AlreadyUsed => refused(request, ALREADY_USED),
        StartOutcome::NotActive => refused(request, NOT_ACTIVE),
        StartOutcome::Closed => refused(request, CLOSED),
        StartOutcome::Session(..) if dry => Response::empty(200).header("Content-Type", "text/html; charset=utf-8"),
        StartOutcome::Session(token, study) => match &study.target_url {
            Some(target) => Response::empty(302)
                .header("Location", fill::add_session(target, token.reveal()))
                .header("Content-Type", "text/html; charset=utf-8"),
            None => {
                let done = format!("{}/interviews/{}/complete/", public_base(context, request), token.reveal());
                html(200, &study.name, &format!("<p><a href=\"{}\">I am done</a></p>", escape(&done)))
            }
        },
    })
}

async fn visit_complete(context: &Context, request: &Request, segment: String) -> Result<Response, Problem> {
    let Some(token) = SessionToken::parse(&segment) else { return Ok(refused(request, NOT_FOUND)) };
    let store = context.store();
    let Some(session) = store.session(&token).await? else { return Ok(refused(request, NOT_FOUND)) };
    let now = context.clock().now();
    if session.state_at(now) == SessionState::Expired {
        return Ok(refused(request, EXPIRED));
    }
    if request.method == "HEAD" {
        return Ok(Response::empty(200).header("Content-Type", "text/html; charset=utf-8"));
    }
    if session.state_at(now) == SessionState::Running {
        store.complete_session(&token, now).await?;
    }
    let study = store.study(session.organization, session.study).await?;
    Ok(match study.and_then(|study| study.completion_url) {
        Some(template) => {
            let location = fill::completion_location(&template, |name| session.metadata.get(name).cloned());
            Response::empty(302).header("Location", location).header("Content-Type", "text/html; charset=utf-8")
        }
        None => page(200, "Thank you, you are done."),
    })
}
