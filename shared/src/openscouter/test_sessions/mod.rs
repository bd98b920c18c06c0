//! Test sessions (openscouter 5.2, 10): created, read and moved on.

mod create;
mod notes;

use std::collections::HashMap;

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

pub use self::{
    create::create_session,
    notes::{confirm_session, get_notes, give_feedback, notes_object, put_notes},
};
use super::{
    access::{ANY_READER, ANY_READER_OR_TEST, ANY_WRITER_OR_TEST, Access, Caller, CredentialKind, Viewer},
    agents::{analysis_object, visible_insights},
    endpoint::answer,
    envelope::{Problem, optional_time, success},
    fields::Fields,
    format::timestamp,
    paging::Paging,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{AgentJob, AgentJobId, AuditEntry, StudyId, TestSession, TestSessionId, TestStatus, UserId, VariantLabel},
    store::TestSessionFilter,
};

/// The states, as a refused filter names them.
const STATES: &str = "active, paused, completed, analyzed, confirmed";
/// How far ahead of ours a client's clock may be.
pub(super) const LEEWAY: Duration = Duration::seconds(60);
/// Attempts of a change that somebody else's change got in the way of.
pub(super) const MAX_ATTEMPTS: u32 = 20;

pub(super) fn missing() -> Problem {
    Problem::not_found("Session")
}

pub(super) fn wrong_state(session: &TestSession, expected: &str) -> Problem {
    Problem::invalid("", &format!("Session is {}, expected {expected}", session.status.as_str()))
}

/// Whether a caller may see a session (openscouter 3.6, 3.8).
pub(super) fn sees(caller: &Caller, session: &TestSession) -> bool {
    let bound = match &caller.credential {
        CredentialKind::Test(token) => token.study == session.study,
        CredentialKind::Jwt(_) | CredentialKind::Token(_) | CredentialKind::Connection(..) => true,
    };
    bound
        && match caller.viewer() {
            Viewer::Admin => true,
            Viewer::Owner(organization) => session.organization == organization,
            Viewer::Tester(tester) => session.tester == tester,
        }
}

/// A session that the caller may see.
pub(super) async fn seen(cx: &RequestContext, caller: &Caller, id: &str) -> Result<TestSession, Problem> {
    let id = TestSessionId::from_wire(id).ok_or_else(missing)?;
    let session = cx.context.store().test_session(id).await?;
    session.filter(|session| sees(caller, session)).ok_or_else(missing)
}

/// Session data (openscouter 10.1), with the latest jobs of agents 1 and 2.
fn session_object(session: &TestSession, caller: &Caller, jobs: &HashMap<AgentJobId, AgentJob>) -> Value {
    let job = |id: Option<AgentJobId>| id.and_then(|id| jobs.get(&id));
    let visible = visible_insights(caller.viewer(), session);
    let analyst = job(session.analyst).map(|job| {
        json!({
            "analysisJobId": job.id.wire(),
            "status": job.status.as_str(),
            "momentCount": job.moments.filter(|_| visible),
        })
    });
    json!({
        "sessionId": session.id.wire(),
        "jobId": session.study.wire(),
        "testerId": session.tester.wire(),
        "variant": session.variant.map(VariantLabel::as_str),
        "status": session.status.as_str(),
        "createdAt": timestamp(session.created_at),
        "startedAt": timestamp(session.created_at),
        "completedAt": optional_time(session.completed_at),
        "durationSeconds": session.duration_seconds(),
        "notesConfirmed": session.status == TestStatus::Confirmed,
        "abandoned": session.abandoned,
        "analysis": job(session.snapshot).map(|job| analysis_object(job, visible)),
        "analyst": analyst,
    })
}

async fn jobs_of(cx: &RequestContext, sessions: &[TestSession]) -> Result<HashMap<AgentJobId, AgentJob>, Problem> {
    let ids: Vec<_> = sessions.iter().flat_map(|session| [session.snapshot, session.analyst]).flatten().collect();
    let jobs = cx.context.store().agent_jobs(&ids).await?;
    Ok(jobs.into_iter().map(|job| (job.id, job)).collect())
}

/// `GET /api/sessions`
#[must_use]
pub fn list_sessions(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(list_now(cx)))
}

async fn list_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(ANY_READER).await?;
    let query = &cx.request.query;
    let paging = Paging::read(query)?;
    let status = match query.last("status") {
        None => None,
        Some(text) => {
            let status = TestStatus::parse(text);
            Some(status.ok_or_else(|| Problem::invalid("status", &format!("must be one of: {STATES}")))?)
        }
    };
    let empty = || Ok(paging.empty_list());
    let study = query.last("jobId").map(StudyId::from_wire);
    let tester = query.last("testerId").map(UserId::from_wire);
    // an id that matches nothing visible gives an empty page (openscouter 2.2)
    if study == Some(None) || tester == Some(None) {
        return empty();
    }
    let mut filter = TestSessionFilter { study: study.flatten(), tester: tester.flatten(), status, organization: None };
    let store = cx.context.store();
    match caller.viewer() {
        Viewer::Admin => {}
        Viewer::Owner(organization) => {
            filter.organization = Some(organization);
            if let Some(study) = filter.study
                && store.study(organization, study).await?.is_none()
            {
                return empty();
            }
        }
        Viewer::Tester(own) if filter.tester.is_some_and(|tester| tester != own) => return empty(),
        Viewer::Tester(own) => filter.tester = Some(own),
    }
    let page = store.test_sessions_page(&filter, paging.offset(), paging.limit).await?;
    let jobs = jobs_of(cx, &page.members).await?;
    let rows: Vec<_> = page.members.iter().map(|session| session_object(session, &caller, &jobs)).collect();
    Ok(paging.list(&rows, page.total))
}

/// `GET /api/sessions/:id`
#[must_use]
pub fn get_session(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            let caller = cx.caller(ANY_READER_OR_TEST).await?;
            let session = seen(cx, &caller, cx.path_id()).await?;
            let jobs = jobs_of(cx, std::slice::from_ref(&session)).await?;
            Ok(success(200, &session_object(&session, &caller, &jobs)))
        })
    })
}

/// The caller and the session of a path like `/api/sessions/:id/pause`.
pub(super) async fn of_action(cx: &RequestContext, access: Access) -> Result<(Caller, Fields, TestSession), Problem> {
    let caller = cx.caller(access).await?;
    let fields = Fields::read(&cx.request)?;
    let session = seen(cx, &caller, cx.path_segment(3)).await?;
    Ok((caller, fields, session))
}

/// What a rule makes of a session.
pub(super) enum Step {
    /// Nothing: it is where it should be.
    Stay,
    /// This, with a record.
    Move(Box<TestSession>, Option<Box<AuditEntry>>),
}

/// Changes a session by `rule`, which is asked again as often as somebody was faster.
pub(super) async fn advance(
    cx: &RequestContext,
    mut session: TestSession,
    rule: impl Fn(&TestSession) -> Result<Step, Problem> + Send,
) -> Result<TestSession, Problem> {
    let store = cx.context.store();
    for _ in 0..MAX_ATTEMPTS {
        let (next, audit) = match rule(&session)? {
            Step::Stay => return Ok(session),
            Step::Move(next, audit) => (next, audit),
        };
        if store.change_test_session(&session, &next, audit.as_deref(), cx.now).await? {
            return Ok(*next);
        }
        session = store.test_session(session.id).await?.ok_or_else(missing)?;
    }
    Err(Problem::Crash("the session kept changing".to_owned()))
}

/// `POST /api/sessions/:id/pause`
#[must_use]
pub fn pause_session(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async move {
            let (_, _, session) = of_action(cx, ANY_WRITER_OR_TEST).await?;
            let rule = move |session: &TestSession| match session.status {
                TestStatus::Active => Ok(Step::Move(Box::new(session.paused(cx.now)), None)),
                _ => Err(wrong_state(session, "active")),
            };
            let session = advance(cx, session, rule).await?;
            Ok(success(200, &json!({"sessionId": session.id.wire(), "status": session.status.as_str()})))
        })
    })
}

/// `POST /api/sessions/:id/resume`
#[must_use]
pub fn resume_session(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async move {
            let (_, _, session) = of_action(cx, ANY_WRITER_OR_TEST).await?;
            let rule = move |session: &TestSession| match session.status {
                TestStatus::Paused => Ok(Step::Move(Box::new(session.resumed(cx.now)), None)),
                _ => Err(wrong_state(session, "paused")),
            };
            let session = advance(cx, session, rule).await?;
            Ok(success(200, &json!({"sessionId": session.id.wire(), "status": session.status.as_str()})))
        })
    })
}

/// `POST /api/sessions/:id/complete`
#[must_use]
pub fn complete_session(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(complete_now(cx)))
}

fn end_of(cx: &RequestContext, fields: &Fields, session: &TestSession) -> Result<OffsetDateTime, Problem> {
    let at = fields.optional_time("completedAt")?.unwrap_or(cx.now);
    let at = at.replace_nanosecond(0).unwrap_or(at);
    if at < session.created_at {
        return Err(Problem::invalid("completedAt", "must not be before startedAt"));
    }
    if at > cx.now + LEEWAY {
        return Err(Problem::invalid("completedAt", "must not be in the future"));
    }
    Ok(at)
}

async fn complete_now(cx: &RequestContext) -> Result<Response, Problem> {
    let (_, fields, session) = of_action(cx, ANY_WRITER_OR_TEST).await?;
    let fields = &fields;
    let rule = move |session: &TestSession| {
        // the first answer stands, whatever is sent later
        if session.status == TestStatus::Completed {
            return Ok(Step::Stay);
        }
        let at = end_of(cx, fields, session)?;
        if !session.status.is_running() {
            return Err(wrong_state(session, "active or paused"));
        }
        Ok(Step::Move(Box::new(session.completed(at, false)), None))
    };
    let session = advance(cx, session, rule).await?;
    let data = json!({
        "sessionId": session.id.wire(),
        "status": session.status.as_str(),
        "completedAt": optional_time(session.completed_at),
    });
    Ok(success(200, &data))
}
