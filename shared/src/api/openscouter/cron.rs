//! Jobs that a scheduler outside may start (openscouter 20): so far `retention`, `session-guard` and `agent-sweep`.

use serde_json::json;

use super::{
    call::{Call, answer},
    envelope::{Problem, success},
    fields::{Fields, as_text},
};
use crate::{
    api::{Answer, ApiRequest},
    context::Context,
    secret::same,
    serve::BoxFuture,
    work::{end_overdue_sessions, start_due_erasures, sweep_agents},
};

/// Items of a call that names no number.
const LIMIT: u32 = 200;
const MOST: u32 = 500;
/// What is done is off its list, so that the next call begins where this one ended.
const NEXT: &str = "next";

/// `POST /api/cron/:job`
#[must_use]
pub fn cron(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(cron_now(call)))
}

/// The scheduler's secret; a call without it counts for its address.
async fn scheduler(call: &Call) -> Result<(), Problem> {
    let header = call.request.header("authorization");
    let sent = header.as_deref().and_then(|header| header.split_once(' '));
    let sent = sent.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, secret)| secret);
    let secret = call.context.settings().openscouter.cron_secret.as_deref();
    if let (Some(sent), Some(secret)) = (sent, secret)
        && same(sent, secret)
    {
        return Ok(());
    }
    call.anonymous().await?;
    Err(Problem::unauthorized(if header.is_none() { "Missing credentials" } else { "Invalid credentials" }))
}

async fn cron_now(call: &Call) -> Result<Answer, Problem> {
    scheduler(call).await?;
    let fields = Fields::read(&call.request)?;
    let job = call.path_id();
    if !["retention", "session-guard", "agent-sweep"].contains(&job) {
        return Err(Problem::not_found("Cron job"));
    }
    if let Some(cursor) = fields.optional("cursor")
        && as_text("cursor", cursor)? != NEXT
    {
        return Err(Problem::invalid("cursor", "is invalid"));
    }
    let limit = fields.optional_integer("limit", 1, MOST)?.unwrap_or(LIMIT);
    let done = match job {
        "retention" => start_due_erasures(&call.context, limit).await?,
        "session-guard" => end_overdue_sessions(&call.context, limit).await?,
        _ => sweep_agents(&call.context, limit).await?,
    };
    let next = done.more.then_some(NEXT);
    Ok(success(200, &json!({"processed": done.processed, "failed": done.failed, "nextCursor": next})))
}
