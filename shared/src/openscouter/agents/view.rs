//! What agents made of a session, as the API shows it (openscouter 12.2).

use serde::Serialize;
use serde_json::Value;

use super::super::access::Viewer;
use crate::model::{AgentJob, AgentStatus, TestSession, TestStatus};

/// Whether a caller may see what agents made of a session: the owner only after the tester confirmed the notes
/// (openscouter 3.8).
#[must_use]
pub fn visible_insights(viewer: Viewer, session: &TestSession) -> bool {
    !matches!(viewer, Viewer::Owner(_)) || session.status == TestStatus::Confirmed
}

/// The insights of a job that is complete, if they are visible to the caller (openscouter 12.2).
#[must_use]
pub fn insights(job: &AgentJob, visible: bool) -> Option<Value> {
    let text = job.insights.as_deref().filter(|_| visible && job.status == AgentStatus::Complete);
    text.and_then(|text| serde_json::from_str(text).ok())
}

/// The latest result of agent 1 on a session (openscouter 12.2). `insights_available` says whether there are any, also
/// to callers who do not see them yet.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AnalysisView {
    analysis_job_id: String,
    status: &'static str,
    insights_available: bool,
    insights: Option<Value>,
}

/// The latest result of agent 1 on a session, with its insights where they are `visible` (openscouter 12.2).
#[must_use]
pub fn analysis_view(job: &AgentJob, visible: bool) -> AnalysisView {
    AnalysisView {
        analysis_job_id: job.id.wire(),
        status: job.status.as_str(),
        insights_available: job.status == AgentStatus::Complete,
        insights: insights(job, visible),
    }
}
