//! `GET /api/ai/:id`: a job of an agent, and what it found (openscouter 12.2).

use serde::Serialize;
use serde_json::Value;

use shared::{
    http::Response,
    model::{AgentJob, AgentJobId, AgentKind},
    openscouter::{
        self, Endpoint,
        access::{ANY_READER_OR_TEST, Caller, CredentialKind, Viewer},
        agents::view::{insights, visible_insights},
        envelope::{Problem, success},
        format::timestamp,
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ANY_READER_OR_TEST, |cx, caller| Box::pin(get(cx, caller)));

/// A job of an agent; what does not apply is null.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AgentJobView<'a> {
    analysis_job_id: String,
    kind: &'static str,
    session_id: Option<String>,
    job_id: String,
    status: &'static str,
    report_id: Option<String>,
    error: Option<&'a str>,
    created_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
    insights_available: bool,
    insights: Option<Value>,
}

async fn get(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let missing = || Problem::not_found("Analysis job");
    let id = AgentJobId::from_wire(cx.path("id")).ok_or_else(missing)?;
    let store = cx.context.store();
    let job = store.agent_job(id).await?.filter(|job| sees(&caller, job)).ok_or_else(missing)?;
    let session = match job.session {
        Some(id) => store.test_session(id).await?,
        None => None,
    };
    let visible = session.as_ref().is_some_and(|session| visible_insights(caller.viewer(), session));
    Ok(success(200, &view(&job, visible)))
}

/// Whether a caller may see a job: a tester the own snapshots only (openscouter 3.8, 12.2).
fn sees(caller: &Caller, job: &AgentJob) -> bool {
    let bound = match &caller.credential {
        CredentialKind::Test(token) => token.study == job.study,
        CredentialKind::Jwt(_) | CredentialKind::Token(_) | CredentialKind::Connection(..) => true,
    };
    bound
        && match caller.viewer() {
            Viewer::Admin => true,
            Viewer::Owner(organization) => job.organization == organization,
            Viewer::Tester(tester) => job.kind == AgentKind::Snapshot && job.tester == Some(tester),
        }
}

fn view(job: &AgentJob, visible: bool) -> AgentJobView<'_> {
    AgentJobView {
        analysis_job_id: job.id.wire(),
        kind: job.kind.as_str(),
        session_id: job.session.map(|id| id.wire()),
        job_id: job.study.wire(),
        status: job.status.as_str(),
        report_id: job.report.map(|id| id.wire()),
        error: job.error.as_deref(),
        created_at: timestamp(job.created_at),
        started_at: job.started_at.map(timestamp),
        finished_at: job.finished_at.map(timestamp),
        insights_available: job.insights.is_some(),
        insights: insights(job, visible),
    }
}
