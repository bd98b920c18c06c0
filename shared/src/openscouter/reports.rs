//! Reports on sessions and studies (openscouter 13).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    access::{ANY_READER, Caller, OWNING_READERS, OWNING_WRITERS, Viewer},
    agents::{Order, accepted, approved, blocked, new_job, unfinished},
    endpoint::answer,
    envelope::{Problem, optional_time, success},
    fields::Fields,
    format::timestamp,
    page::page,
    request_context::RequestContext,
    studies::owned_study,
    test_sessions::{self, MAX_ATTEMPTS},
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{Action, AgentJob, AgentKind, AgentStatus, Report, ReportId, StudyId, TestStatus},
};

/// How long the address of a report's page works.
const PAGE_SECONDS: i64 = 15 * 60;
/// What a report says, in the contract's order; null until it is complete.
const OF_SESSION: [&str; 5] =
    ["accessibilityScore", "overallFrustrationScore", "summary", "findings", "testerComments"];
const OF_STUDY: [&str; 8] = [
    "accessibilityScore",
    "averageFrustrationScore",
    "testerCount",
    "excludedSessions",
    "summary",
    "findings",
    "ndStratification",
    "suppressedStrata",
];

fn missing() -> Problem {
    Problem::not_found("Report")
}

/// A report on the wire (openscouter 13.1, 13.2).
pub fn report_object(report: &Report) -> Value {
    let contents: Value = serde_json::from_str(&report.contents).unwrap_or_default();
    let mut object = json!({"reportId": report.id.wire()});
    let says: &[&str] = match report.session {
        Some(session) => {
            object["kind"] = json!("session");
            object["sessionId"] = json!(session.wire());
            object["jobId"] = json!(report.study.wire());
            object["testerLabel"] = json!(format!("Tester {}", report.number));
            &OF_SESSION
        }
        None => {
            object["kind"] = json!("study");
            object["jobId"] = json!(report.study.wire());
            &OF_STUDY
        }
    };
    object["version"] = json!(report.edition);
    object["status"] = json!(report.status.as_str());
    let complete = report.status == AgentStatus::Complete;
    for name in says {
        let mut value = contents.get(*name).filter(|_| complete).cloned().unwrap_or_default();
        if *name == "findings" {
            // what findings are grouped by is shown only inside their context
            for finding in value.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
                finding.retain(|name, _| !matches!(name.as_str(), "element" | "last"));
            }
        }
        object[*name] = value;
    }
    object["createdAt"] = json!(timestamp(report.created_at));
    object["completedAt"] = optional_time(report.completed_at);
    object
}

/// What the address of a report's page carries: signed, so that a browser needs no other credential.
#[derive(Debug, Deserialize, Serialize)]
struct Page {
    aud: String,
    sub: String,
    exp: i64,
}

fn page_audience(cx: &RequestContext, report: ReportId) -> String {
    format!("{}/api/reports/{}/page", cx.base(), report.wire())
}

/// Answers with a report and notes that it was read.
async fn shown(cx: &RequestContext, caller: &Caller, report: &Report) -> Result<Response, Problem> {
    let record = cx.record(
        Action::ReportRead,
        Some(&caller.account.user),
        Some(report.id.wire()),
        json!({"version": report.edition}),
    );
    cx.context.store().record(&record).await?;
    let mut object = report_object(report);
    let signer = cx.context.settings().openscouter.signer.as_ref();
    object["pageUrl"] = match signer.filter(|_| report.status == AgentStatus::Complete) {
        None => Value::Null,
        Some(signer) => {
            let aud = page_audience(cx, report.id);
            let claims =
                Page { aud: aud.clone(), sub: report.study.wire(), exp: cx.now.unix_timestamp() + PAGE_SECONDS };
            json!(format!("{aud}?token={}", signer.sign(&claims)?))
        }
    };
    Ok(success(200, &object))
}

/// `GET /api/reports/:id`
#[must_use]
pub fn get_report(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            let caller = cx.caller(ANY_READER).await?;
            let id = ReportId::from_wire(cx.path_id()).ok_or_else(missing)?;
            let report = cx.context.store().report(id).await?.ok_or_else(missing)?;
            let seen = match caller.viewer() {
                Viewer::Admin => true,
                Viewer::Owner(organization) => report.organization == organization,
                Viewer::Tester(tester) => report.tester == Some(tester),
            };
            if seen { shown(cx, &caller, &report).await } else { Err(missing()) }
        })
    })
}

/// `GET /api/reports/job/:id`
#[must_use]
pub fn get_study_report(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            let caller = cx.caller(OWNING_READERS).await?;
            let study = owned_study(cx, caller.viewer(), StudyId::from_wire(cx.path_id())).await?;
            let report = cx.context.store().study_report(study.id).await?.ok_or_else(missing)?;
            shown(cx, &caller, &report).await
        })
    })
}

/// `GET /api/reports/:id/page`: the address that a report's answer gives.
#[must_use]
pub fn report_page(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(page_now(cx)))
}

async fn page_now(cx: &RequestContext) -> Result<Response, Problem> {
    cx.anonymous().await?;
    let id = ReportId::from_wire(cx.path_segment(3)).ok_or_else(missing)?;
    let token = cx.request.query.last("token").unwrap_or_default();
    let claims: Page = cx.context.settings().openscouter.keys.verify(token).map_err(|_| missing())?;
    if claims.aud != page_audience(cx, id) || claims.exp <= cx.now.unix_timestamp() {
        return Err(missing());
    }
    let store = cx.context.store();
    let report = store.report(id).await?.ok_or_else(missing)?;
    if report.status != AgentStatus::Complete {
        return Err(missing());
    }
    let study = store.linked_study(report.study).await?.ok_or_else(missing)?;
    // who opens it is not known; who was given the address is, from the record of that reading
    let detail = json!({"version": report.edition, "page": true});
    store.record(&cx.record(Action::ReportRead, None, Some(report.id.wire()), detail)).await?;
    let session = match report.session {
        Some(id) => store.test_session(id).await?,
        None => None,
    };
    let span = session.map(|session| (session.created_at, session.completed_at.unwrap_or(session.created_at)));
    let html = page(&report_object(&report), &study.name, span);
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    Ok(Response::empty(200)
        .header("Content-Type", "text/html; charset=utf-8")
        .header("Content-Security-Policy", policy)
        .header("Referrer-Policy", "no-referrer")
        .body(html))
}

/// `POST /api/reports`
#[must_use]
pub fn create_report(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(create_now(cx)))
}

async fn create_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(OWNING_WRITERS).await?;
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let id = fields.text("sessionId", 1, usize::MAX)?;
        let mut session = test_sessions::seen(cx, &caller, &id).await?;
        approved(cx, &caller, AgentKind::Report, session.study, session.id.wire()).await?;
        if session.status != TestStatus::Confirmed {
            let problem = Problem::invalid("", "Session notes are not confirmed");
            let gate = (session.id.wire(), "notes_confirmed");
            return Err(blocked(cx, &caller, AgentKind::Report, gate, problem).await);
        }
        let store = cx.context.store();
        for _ in 0..MAX_ATTEMPTS {
            if let Some(job) = unfinished(cx, session.reporter).await? {
                return Ok(accepted(&job));
            }
            let before = match session.report {
                None => None,
                Some(id) => store.report(id).await?,
            };
            let order = Order { kind: AgentKind::Report, cutoff: 0, streams: Vec::new() };
            let mut job = new_job(cx, &caller, &session, &order);
            let report =
                before.as_ref().map_or_else(|| Report::first(&job, session.number), |known| known.next(job.id));
            job.report = Some(report.id);
            let next = session.with(|next| {
                next.reporter = Some(job.id);
                next.report = Some(report.id);
            });
            let beside = Some((before.as_ref(), &report));
            if store.queue_agent(&job, Some((&session, &next)), beside, cx.now).await? {
                return Ok(accepted(&job));
            }
            session = test_sessions::seen(cx, &caller, &id).await?;
        }
        Err(Problem::Crash("the session kept changing".to_owned()))
    })
    .await
}

/// `POST /api/reports/job/:id`
#[must_use]
pub fn create_study_report(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(create_study_now(cx)))
}

async fn create_study_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(OWNING_WRITERS).await?;
    Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let study = owned_study(cx, caller.viewer(), StudyId::from_wire(cx.path_id())).await?;
        approved(cx, &caller, AgentKind::Synthesis, study.id, study.id.wire()).await?;
        let store = cx.context.store();
        let progress = store.progress(study.id).await?;
        if progress.confirmed == 0 {
            let problem = Problem::invalid("", "No confirmed sessions for this study");
            let gate = (study.id.wire(), "notes_confirmed");
            return Err(blocked(cx, &caller, AgentKind::Synthesis, gate, problem).await);
        }
        if progress.reported == 0 {
            return Err(Problem::invalid("", "No complete session reports for this study"));
        }
        for _ in 0..MAX_ATTEMPTS {
            let before = store.study_report(study.id).await?;
            if let Some(job) = unfinished(cx, before.as_ref().map(|report| report.job)).await? {
                return Ok(accepted(&job));
            }
            let asker = (caller.account.user.id, &*cx.request.request_id);
            let mut job = AgentJob::asked(AgentKind::Synthesis, (study.id, study.organization), asker, cx.now);
            let report = before.as_ref().map_or_else(|| Report::first(&job, 0), |known| known.next(job.id));
            job.report = Some(report.id);
            if store.queue_agent(&job, None, Some((before.as_ref(), &report)), cx.now).await? {
                return Ok(accepted(&job));
            }
        }
        Err(Problem::Crash("the report kept changing".to_owned()))
    })
    .await
}
