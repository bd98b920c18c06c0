//! `POST /api/cron/:job`: a job that a scheduler outside starts: `retention`, `session-guard`, `agent-sweep`
//! and `payout-retry` (openscouter 20).

mod agents;

use serde::Serialize;

use shared::{
    config::ExposeSecret as _,
    http::Response,
    model::{AgentJobId, TestSessionId},
    openscouter::{
        self, Endpoint,
        envelope::{Problem, success},
        fields::{Fields, as_text},
        request_context::RequestContext,
    },
    secret::constant_time_eq,
    store::DuePayout,
    sweeps::{end_overdue_sessions, retry_due_payouts, start_due_erasures},
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::guarded(env!("CARGO_PKG_NAME"), |cx| Box::pin(check_scheduler(cx)), |cx| Box::pin(run_job(cx)));

/// Items of a call that names no number.
const DEFAULT_LIMIT: u32 = 200;
const MAX_LIMIT: u32 = 500;

/// What a step of a job did (openscouter 20).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StepView {
    processed: u32,
    failed: u32,
    next_cursor: Option<String>,
}

/// Lets the scheduler's secret pass; a call without it counts for its address.
async fn check_scheduler(cx: &RequestContext) -> Result<(), Problem> {
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

async fn run_job(cx: &RequestContext) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    let job = cx.path("job");
    if !["retention", "session-guard", "agent-sweep", "payout-retry"].contains(&job) {
        return Err(Problem::not_found("Cron job"));
    }
    let cursor = match fields.optional("cursor") {
        None => String::new(),
        Some(cursor) => as_text("cursor", cursor)?.to_owned(),
    };
    let limit = fields.optional_integer("limit", 1, MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
    let (context, bad) = (&cx.context, || Problem::invalid("cursor", "is invalid"));
    let step = match job {
        "retention" => start_due_erasures(context, failed_before(&cursor).ok_or_else(bad)?, limit).await?,
        "session-guard" if is_end(&cursor) => end_overdue_sessions(context, &cursor, limit).await?,
        "agent-sweep" if is_agent(&cursor) => agents::sweep(context, &cursor, limit).await?,
        "payout-retry" if is_due_payout(&cursor) => retry_due_payouts(context, &cursor, limit).await?,
        _ => return Err(bad()),
    };
    Ok(success(200, &StepView { processed: step.processed, failed: step.failed, next_cursor: step.next }))
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

/// Whether it is a cursor of `payout-retry`: the name of something that is due.
fn is_due_payout(cursor: &str) -> bool {
    cursor.is_empty() || DuePayout::parse(cursor).is_some()
}

/// Whether it is a cursor of `agent-sweep`: the name of a piece of work.
fn is_agent(cursor: &str) -> bool {
    cursor.is_empty() || cursor.strip_prefix("agent-").and_then(AgentJobId::parse).is_some()
}
