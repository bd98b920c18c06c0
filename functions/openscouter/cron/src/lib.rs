//! `POST /api/cron/:job`: a job that a scheduler outside starts (openscouter 20).

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
    store::{DuePayout, DueReminder, due_message},
    sweeps::{end_overdue_sessions, remind_due_testers, retry_due_payouts, send_due_outreach, start_due_erasures},
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::guarded(env!("CARGO_PKG_NAME"), |cx| Box::pin(check_scheduler(cx)), |cx| Box::pin(run_job(cx)));

/// The jobs.
const JOBS: [&str; 6] = ["reminders", "outreach-send", "payout-retry", "session-guard", "agent-sweep", "retention"];
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
    if !JOBS.contains(&job) {
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
        "payout-retry" if is_empty_or(&cursor, |name| DuePayout::parse(name).is_some()) => {
            retry_due_payouts(context, &cursor, limit).await?
        }
        "outreach-send" if is_empty_or(&cursor, |name| due_message(name).is_some()) => {
            send_due_outreach(context, &cursor, limit).await?
        }
        "reminders" if is_empty_or(&cursor, |name| DueReminder::parse(name).is_some()) => {
            remind_due_testers(context, &cursor, limit).await?
        }
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

/// Whether a cursor begins a job, or is the name of something that is due.
fn is_empty_or(cursor: &str, is_name: impl Fn(&str) -> bool) -> bool {
    cursor.is_empty() || is_name(cursor)
}

/// Whether it is a cursor of `agent-sweep`: the name of a piece of work.
fn is_agent(cursor: &str) -> bool {
    cursor.is_empty() || cursor.strip_prefix("agent-").and_then(AgentJobId::parse).is_some()
}
