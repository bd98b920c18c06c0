//! What agents are asked for, and what becomes of it (openscouter 12).

use serde_json::{Value, json};
use time::{OffsetDateTime, macros::format_description};

use super::{
    access::{ANY_READER_OR_TEST, ANY_WRITER_OR_TEST, Caller, CredentialKind, OWNING_WRITERS, Viewer},
    endpoint::answer,
    envelope::{Problem, optional_time, success},
    fields::Fields,
    format::timestamp,
    request_context::RequestContext,
    test_sessions::{self, LEEWAY, MAX_ATTEMPTS},
};
use crate::{
    BoxFuture,
    clock::epoch_millis,
    context::Context,
    http::{Request, Response},
    model::{Action, AgentJob, AgentJobId, AgentKind, AgentStatus, TestSession, TestStatus},
};

/// The streams, as a refused list names them.
const STREAMS: [&str; 3] = ["events", "facial", "voice"];
/// What is told of a study whose agents may not work (openscouter 12.4).
pub const NO_APPROVAL: &str = "No current approval for this study";

/// A time of a captured item, with its milliseconds (openscouter 2.1).
#[must_use]
pub fn millis(at: i64) -> String {
    const FORM: &[time::format_description::BorrowedFormatItem<'static>] =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000);
    time.ok().and_then(|time| time.format(FORM).ok()).unwrap_or_default()
}

/// Whether a caller may see what agents made of a session: the owner not before the tester confirmed it
/// (openscouter 3.8).
pub fn visible_insights(viewer: Viewer, session: &TestSession) -> bool {
    !matches!(viewer, Viewer::Owner(_)) || session.status == TestStatus::Confirmed
}

fn insights(job: &AgentJob, visible: bool) -> Value {
    let text = job.insights.as_deref().filter(|_| visible && job.status == AgentStatus::Complete);
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The latest result of agent 1 (openscouter 12.2). `insightsAvailable` says whether there are any, also to who may
/// not see them yet.
pub fn analysis_object(job: &AgentJob, visible: bool) -> Value {
    json!({
        "analysisJobId": job.id.wire(),
        "status": job.status.as_str(),
        "insightsAvailable": job.status == AgentStatus::Complete,
        "insights": insights(job, visible),
    })
}

/// What a job is about.
pub struct Order {
    pub kind: AgentKind,
    pub cutoff: i64,
    pub streams: Vec<String>,
}

/// A new job on a session.
pub fn new_job(cx: &RequestContext, caller: &Caller, session: &TestSession, order: &Order) -> AgentJob {
    let asker = (caller.account.user.id, &*cx.request.request_id);
    AgentJob {
        session: Some(session.id),
        tester: Some(session.tester),
        cutoff: order.cutoff,
        streams: order.streams.clone(),
        ..AgentJob::asked(order.kind, (session.study, session.organization), asker, cx.now)
    }
}

/// A job that can still come to something.
pub async fn unfinished(cx: &RequestContext, id: Option<AgentJobId>) -> Result<Option<AgentJob>, Problem> {
    let Some(id) = id else { return Ok(None) };
    Ok(cx.context.store().agent_job(id).await?.filter(|job| job.status.is_unfinished()))
}

/// Refuses what a gate blocks, and says so in the audit trail (openscouter 12.4).
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

/// Passes the gate of tier 1: a current approval of the study.
pub async fn approved(
    cx: &RequestContext,
    caller: &Caller,
    agent: AgentKind,
    study: crate::model::StudyId,
    object: String,
) -> Result<(), Problem> {
    if cx.context.store().current_approval(study, cx.now).await?.is_some() {
        return Ok(());
    }
    Err(blocked(cx, caller, agent, (object, "approval"), Problem::forbidden(NO_APPROVAL)).await)
}

/// Answers with a job that was queued, or that is still unfinished: what it makes, and what it is about.
pub fn accepted(job: &AgentJob) -> Response {
    let mut data = json!({"analysisJobId": job.id.wire()});
    if let Some(report) = job.report {
        data["reportId"] = json!(report.wire());
    }
    match job.session {
        Some(session) => data["sessionId"] = json!(session.wire()),
        None => data["jobId"] = json!(job.study.wire()),
    }
    data["status"] = json!(AgentStatus::Queued.as_str());
    data["estimatedCompletionSeconds"] = json!(job.kind.estimated_seconds());
    success(202, &data)
}

/// `POST /api/ai`
#[must_use]
pub fn create_snapshot(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(snapshot_now(cx)))
}

async fn snapshot_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(ANY_WRITER_OR_TEST).await?;
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let id = fields.text("sessionId", 1, usize::MAX)?;
        let streams = match fields.optional("includeSignals") {
            None => STREAMS.map(str::to_owned).to_vec(),
            Some(_) => {
                let reason = format!("must be one of: {}", STREAMS.join(", "));
                fields.names("includeSignals", (1, 3), |name| STREAMS.contains(&name), &reason)?
            }
        };
        let at = fields.optional_time("snapshotAt")?;
        let mut session = test_sessions::seen(cx, &caller, &id).await?;
        if let Some(at) = at {
            if at < session.created_at {
                return Err(Problem::invalid("snapshotAt", "must not be before startedAt"));
            }
            if at > cx.now + LEEWAY {
                return Err(Problem::invalid("snapshotAt", "must not be in the future"));
            }
        }
        let order =
            Order { kind: AgentKind::Snapshot, cutoff: epoch_millis(at.unwrap_or(cx.now)), streams: streams.clone() };
        for _ in 0..MAX_ATTEMPTS {
            if session.status != TestStatus::Active {
                return Err(test_sessions::wrong_state(&session, "active"));
            }
            if let Some(job) = unfinished(cx, session.snapshot).await? {
                return Ok(accepted(&job));
            }
            let job = new_job(cx, &caller, &session, &order);
            let next = session.with(|next| next.snapshot = Some(job.id));
            if cx.context.store().queue_agent(&job, Some((&session, &next)), None, cx.now).await? {
                return Ok(accepted(&job));
            }
            session = test_sessions::seen(cx, &caller, &id).await?;
        }
        Err(Problem::Crash("the session kept changing".to_owned()))
    })
    .await
}

/// `GET /api/ai/:analysisJobId`
#[must_use]
pub fn get_agent_job(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(get_now(cx)))
}

async fn get_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(ANY_READER_OR_TEST).await?;
    let missing = || Problem::not_found("Analysis job");
    let id = AgentJobId::from_wire(cx.path_id()).ok_or_else(missing)?;
    let store = cx.context.store();
    let job = store.agent_job(id).await?.ok_or_else(missing)?;
    let bound = match &caller.credential {
        CredentialKind::Test(token) => token.study == job.study,
        CredentialKind::Jwt(_) | CredentialKind::Token(_) | CredentialKind::Connection(..) => true,
    };
    let seen = match caller.viewer() {
        Viewer::Admin => true,
        Viewer::Owner(organization) => job.organization == organization,
        Viewer::Tester(tester) => job.kind == AgentKind::Snapshot && job.tester == Some(tester),
    };
    if !bound || !seen {
        return Err(missing());
    }
    let session = match job.session {
        Some(id) => store.test_session(id).await?,
        None => None,
    };
    let visible = session.as_ref().is_some_and(|session| visible_insights(caller.viewer(), session));
    let data = json!({
        "analysisJobId": job.id.wire(),
        "kind": job.kind.as_str(),
        "sessionId": job.session.map(|id| id.wire()),
        "jobId": job.study.wire(),
        "status": job.status.as_str(),
        "reportId": job.report.map(|id| id.wire()),
        "error": job.error,
        "createdAt": timestamp(job.created_at),
        "startedAt": optional_time(job.started_at),
        "finishedAt": optional_time(job.finished_at),
        "insightsAvailable": job.insights.is_some(),
        "insights": insights(&job, visible),
    });
    Ok(success(200, &data))
}

/// `POST /api/sessions/:id/analyze`
#[must_use]
pub fn analyze_session(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(analyze_now(cx)))
}

async fn analyze_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(OWNING_WRITERS).await?;
    Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let id = cx.path_segment(3);
        let mut session = test_sessions::seen(cx, &caller, id).await?;
        approved(cx, &caller, AgentKind::Analyst, session.study, session.id.wire()).await?;
        for _ in 0..MAX_ATTEMPTS {
            if session.status != TestStatus::Completed {
                return Err(test_sessions::wrong_state(&session, "completed"));
            }
            if let Some(job) = unfinished(cx, session.analyst).await? {
                return Ok(accepted(&job));
            }
            let cutoff = epoch_millis(session.completed_at.unwrap_or(cx.now));
            let order = Order { kind: AgentKind::Analyst, cutoff, streams: STREAMS.map(str::to_owned).to_vec() };
            let job = new_job(cx, &caller, &session, &order);
            let next = session.with(|next| next.analyst = Some(job.id));
            if cx.context.store().queue_agent(&job, Some((&session, &next)), None, cx.now).await? {
                return Ok(accepted(&job));
            }
            session = test_sessions::seen(cx, &caller, id).await?;
        }
        Err(Problem::Crash("the session kept changing".to_owned()))
    })
    .await
}
