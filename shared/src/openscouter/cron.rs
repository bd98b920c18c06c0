//! Jobs that a scheduler outside may start (openscouter 20): so far `retention`, `session-guard` and `agent-sweep`.

use serde_json::json;

use super::{
    endpoint::answer,
    envelope::{Problem, success},
    fields::{Fields, as_text},
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    config::ExposeSecret as _,
    context::Context,
    http::{Request, Response},
    model::{AgentJobId, TestSessionId},
    secret::constant_time_eq,
    work::{end_overdue_sessions, start_due_erasures, sweep_agents},
};

/// Items of a call that names no number.
const LIMIT: u32 = 200;
const MOST: u32 = 500;

/// `POST /api/cron/:job`
#[must_use]
pub fn cron(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(cron_now(cx)))
}

/// The scheduler's secret; a call without it counts for its address.
async fn scheduler(cx: &RequestContext) -> Result<(), Problem> {
    let header = cx.request.header("authorization");
    let sent = header.as_deref().and_then(|header| header.split_once(' '));
    let sent = sent.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, secret)| secret);
    let secret = cx.context.settings().openscouter.cron_secret.as_ref();
    if let (Some(sent), Some(secret)) = (sent, secret)
        && constant_time_eq(sent, secret.expose_secret())
    {
        return Ok(());
    }
    cx.anonymous().await?;
    Err(Problem::unauthorized(if header.is_none() { "Missing credentials" } else { "Invalid credentials" }))
}

/// Of a cursor of `retention`: how many stay at the head of the list, since they failed.
fn failed_before(cursor: &str) -> Option<u32> {
    if cursor.is_empty() { Some(0) } else { cursor.parse().ok() }
}

/// Whether it is a cursor of `session-guard`: a time and a session.
fn is_end(cursor: &str) -> bool {
    let end =
        |(time, id): (&str, &str)| time.bytes().all(|byte| byte.is_ascii_digit()) && TestSessionId::parse(id).is_some();
    cursor.is_empty() || cursor.split_once('#').is_some_and(end)
}

/// Whether it is a cursor of `agent-sweep`: the name of a piece of work.
fn is_agent(cursor: &str) -> bool {
    cursor.is_empty() || cursor.strip_prefix("agent-").and_then(AgentJobId::parse).is_some()
}

async fn cron_now(cx: &RequestContext) -> Result<Response, Problem> {
    scheduler(cx).await?;
    let fields = Fields::read(&cx.request)?;
    let job = cx.path_id();
    if !["retention", "session-guard", "agent-sweep"].contains(&job) {
        return Err(Problem::not_found("Cron job"));
    }
    let cursor = match fields.optional("cursor") {
        None => String::new(),
        Some(cursor) => as_text("cursor", cursor)?.to_owned(),
    };
    let limit = fields.optional_integer("limit", 1, MOST)?.unwrap_or(LIMIT);
    let (context, bad) = (&cx.context, || Problem::invalid("cursor", "is invalid"));
    let done = match job {
        "retention" => start_due_erasures(context, failed_before(&cursor).ok_or_else(bad)?, limit).await?,
        "session-guard" if is_end(&cursor) => end_overdue_sessions(context, &cursor, limit).await?,
        "agent-sweep" if is_agent(&cursor) => sweep_agents(context, &cursor, limit).await?,
        _ => return Err(bad()),
    };
    Ok(success(200, &json!({"processed": done.processed, "failed": done.failed, "nextCursor": done.next})))
}
