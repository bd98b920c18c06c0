//! Jobs of agents: their gates, how they are ordered, and the answer to an order (openscouter 12, 13).

pub mod view;

use serde::Serialize;
use serde_json::json;

use super::{
    access::Caller,
    envelope::{Problem, success},
    request_context::RequestContext,
};
use crate::{
    http::Response,
    model::{Action, AgentJob, AgentKind, AgentStatus, StudyId, TestSession},
};

/// The streams of a session, as they stand in a body (openscouter 12.2).
pub const STREAMS: [&str; 3] = ["events", "facial", "voice"];
/// The refusal of the approval gate (openscouter 12.4).
pub const NO_APPROVAL: &str = "No current approval for this study";

/// Records in the audit trail that a gate blocked an agent (openscouter 12.4). Returns the `problem` to answer with.
pub async fn blocked(
    cx: &RequestContext,
    caller: &Caller,
    agent: AgentKind,
    (object, gate): (String, &str),
    problem: Problem,
) -> Problem {
    let detail = json!({"agent": agent.as_str(), "gate": gate});
    let record = cx.record(Action::AgentBlocked, Some(&caller.account.user), Some(object), detail);
    match cx.context.store().record(&record).await {
        Ok(()) => problem,
        Err(error) => error.into(),
    }
}

/// Checks the gate of tier 1: a current approval of the study. `object` is what the audit record names
/// (openscouter 12.4).
///
/// # Errors
/// 403 without an approval; 500 when the store fails.
pub async fn check_approved(
    cx: &RequestContext,
    caller: &Caller,
    agent: AgentKind,
    study: StudyId,
    object: String,
) -> Result<(), Problem> {
    if cx.context.store().current_approval(study, cx.now).await?.is_some() {
        return Ok(());
    }
    Err(blocked(cx, caller, agent, (object, "approval"), Problem::forbidden(NO_APPROVAL)).await)
}

/// A new job on a session, which looks at nothing yet: cut-off and streams are the caller's to fill in
/// (openscouter 12.2).
#[must_use]
pub fn session_job(cx: &RequestContext, caller: &Caller, kind: AgentKind, session: &TestSession) -> AgentJob {
    let asker = (caller.account.user.id, &*cx.request.audit_id);
    AgentJob {
        session: Some(session.id),
        tester: Some(session.tester),
        ..AgentJob::asked(kind, (session.study, session.organization), asker, cx.now)
    }
}

/// Queues a job on a session and answers with it, or with the unfinished one of its kind. `rule` sees the session's
/// current state and makes the job; the store asks it again after each lost race (openscouter 12.2, 13).
///
/// # Errors
/// What `rule` refuses; 404 when the session is gone; 500 when the store fails.
pub async fn order_on_session(
    cx: &RequestContext,
    session: TestSession,
    rule: &(dyn Fn(&TestSession) -> Result<AgentJob, Problem> + Send + Sync),
) -> Result<Response, Problem> {
    let ordered = cx.context.store().order_agent_job(session, rule, cx.now).await;
    ordered.map(|job| accepted(&job)).map_err(|error| error.or_missing(|| Problem::not_found("Session")))
}

/// The answer to an order: the job, and what it is about (openscouter 12.2, 13).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AcceptedView {
    analysis_job_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    report_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    /// The study; shown when the job is on no session.
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<String>,
    status: &'static str,
    estimated_completion_seconds: u32,
}

/// 202 for a job that was queued, or that is not finished yet (openscouter 12.2, 13).
#[must_use]
pub fn accepted(job: &AgentJob) -> Response {
    let view = AcceptedView {
        analysis_job_id: job.id.wire(),
        report_id: job.report.map(|report| report.wire()),
        session_id: job.session.map(|session| session.wire()),
        job_id: job.session.is_none().then(|| job.study.wire()),
        status: AgentStatus::Queued.as_str(),
        estimated_completion_seconds: job.kind.estimated_seconds(),
    };
    success(202, &view)
}
