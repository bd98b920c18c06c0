//! How answers show a session (openscouter 10.1).

use std::collections::HashMap;

use serde::Serialize;

use super::super::{
    access::Caller,
    agents::view::{AnalysisView, analysis_view, visible_insights},
    envelope::Problem,
    format::timestamp,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    model::{AgentJob, AgentJobId, TestSession, TestStatus, VariantLabel},
};

/// A session with the latest jobs of agents 1 and 2 (openscouter 10.1).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    session_id: String,
    job_id: String,
    tester_id: String,
    variant: Option<&'static str>,
    status: &'static str,
    created_at: String,
    started_at: String,
    completed_at: Option<String>,
    duration_seconds: Option<i64>,
    notes_confirmed: bool,
    abandoned: bool,
    analysis: Option<AnalysisView>,
    analyst: Option<AnalystView>,
}

/// The latest job of agent 2.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AnalystView {
    analysis_job_id: String,
    status: &'static str,
    moment_count: Option<u32>,
}

/// A session that was moved on, with the state that it is in (openscouter 10.3).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StateView {
    session_id: String,
    status: &'static str,
}

impl SessionView {
    /// A session as a caller sees it, with those of its jobs that are among `jobs`.
    #[must_use]
    pub fn new(session: &TestSession, caller: &Caller, jobs: &HashMap<AgentJobId, AgentJob>) -> Self {
        let job = |id: Option<AgentJobId>| id.and_then(|id| jobs.get(&id));
        let visible = visible_insights(caller.viewer(), session);
        let analyst = |job: &AgentJob| AnalystView {
            analysis_job_id: job.id.wire(),
            status: job.status.as_str(),
            moment_count: job.moments.filter(|_| visible),
        };
        Self {
            session_id: session.id.wire(),
            job_id: session.study.wire(),
            tester_id: session.tester.wire(),
            variant: session.variant.map(VariantLabel::as_str),
            status: session.status.as_str(),
            created_at: timestamp(session.created_at),
            started_at: timestamp(session.created_at),
            completed_at: session.completed_at.map(timestamp),
            duration_seconds: session.duration_seconds(),
            notes_confirmed: session.status == TestStatus::Confirmed,
            abandoned: session.abandoned,
            analysis: job(session.snapshot).map(|job| analysis_view(job, visible)),
            analyst: job(session.analyst).map(analyst),
        }
    }
}

impl StateView {
    /// A session's state.
    #[must_use]
    pub fn new(session: &TestSession) -> Self {
        Self { session_id: session.id.wire(), status: session.status.as_str() }
    }
}

/// The latest jobs of agents 1 and 2 on these sessions, in one batch of reads.
///
/// # Errors
/// When the store fails.
pub fn latest_jobs<'a>(
    cx: &'a RequestContext,
    sessions: &'a [TestSession],
) -> BoxFuture<'a, Result<HashMap<AgentJobId, AgentJob>, Problem>> {
    Box::pin(async move {
        let ids: Vec<_> = sessions.iter().flat_map(|session| [session.snapshot, session.analyst]).flatten().collect();
        let jobs = cx.context.store().agent_jobs(&ids).await?;
        Ok(jobs.into_iter().map(|job| (job.id, job)).collect())
    })
}
