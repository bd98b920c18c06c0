//! `list_tests`, `get_test` and `get_analytics` (openscouter 19.2).

use std::collections::{BTreeSet, HashMap};

use engine::analysis::{MomentKind, Stream, sub_scores};
use futures_util::future::try_join;
use serde::Serialize;
use serde_json::value::RawValue;
use shared::{
    model::{AgentJobId, AgentStatus, Note, StudyId, TestSession, TestStatus, VariantLabel},
    openscouter::{
        access::{Caller, Viewer},
        envelope::Problem,
        fields::Fields,
        format::timestamp,
        request_context::RequestContext,
        studies::owned_study,
        test_sessions::{missing, seen},
    },
    store::TestSessionFilter,
};

use crate::arguments::{id, json, limit};

/// A test in a list. Who the tester is stays unsaid (openscouter 3.8).
#[derive(Serialize)]
struct TestRow {
    test_id: String,
    study_id: String,
    tester_label: String,
    status: &'static str,
    pipeline_status: &'static str,
    variant: Option<&'static str>,
    created_at: String,
}

#[derive(Serialize)]
struct TestList {
    tests: Vec<TestRow>,
    total: u64,
}

#[derive(Serialize)]
struct TestResult {
    #[serde(flatten)]
    row: TestRow,
    started_at: String,
    completed_at: Option<String>,
    duration_seconds: Option<i64>,
}

/// Scores of a test, 0 to 100 (openscouter 12.6).
#[derive(Default, Serialize)]
struct Analytics {
    test_id: String,
    available: bool,
    overall: Option<u32>,
    emotion: Option<u32>,
    interaction: Option<u32>,
    voice: Option<u32>,
}

/// Whether each of the sessions has a complete report: its job says so.
async fn reported(cx: &RequestContext, sessions: &[TestSession]) -> Result<HashMap<AgentJobId, bool>, Problem> {
    let jobs: Vec<_> = sessions.iter().filter_map(|session| session.reporter).collect();
    let jobs = cx.context.store().agent_jobs(&jobs).await?;
    Ok(jobs.into_iter().map(|job| (job.id, job.status == AgentStatus::Complete)).collect())
}

fn row(session: &TestSession, reported: &HashMap<AgentJobId, bool>) -> TestRow {
    let reported = session.reporter.and_then(|job| reported.get(&job)).copied().unwrap_or_default();
    TestRow {
        test_id: session.id.wire(),
        study_id: session.study.wire(),
        tester_label: format!("Tester {}", session.number),
        status: session.status.as_str(),
        pipeline_status: if reported { "reported" } else { session.status.as_str() },
        variant: session.variant.map(VariantLabel::as_str),
        created_at: timestamp(session.created_at),
    }
}

pub(crate) async fn list(cx: &RequestContext, caller: &Caller, fields: &Fields) -> Result<Box<RawValue>, Problem> {
    let limit = limit(fields)?;
    let Viewer::Owner(organization) = caller.viewer() else { return Err(missing()) };
    let study = match fields.optional("study_id") {
        None => None,
        Some(_) => {
            let asked = StudyId::from_wire(id(fields, "study_id"));
            Some(owned_study(cx, caller.viewer(), asked).await?.id)
        }
    };
    let filter = TestSessionFilter { study, tester: None, status: None, organization: Some(organization) };
    let page = cx.context.store().test_sessions_page(&filter, 0, limit).await?;
    let reported = reported(cx, &page.members).await?;
    let tests = page.members.iter().map(|session| row(session, &reported)).collect();
    json(&TestList { tests, total: page.total })
}

pub(crate) async fn get(cx: &RequestContext, caller: &Caller, fields: &Fields) -> Result<Box<RawValue>, Problem> {
    let session = seen(cx, caller, id(fields, "test_id")).await?;
    let reported = reported(cx, std::slice::from_ref(&session)).await?;
    json(&TestResult {
        row: row(&session, &reported),
        started_at: timestamp(session.created_at),
        completed_at: session.completed_at.map(timestamp),
        duration_seconds: session.duration_seconds(),
    })
}

fn streams(names: &[String]) -> BTreeSet<Stream> {
    let known = [Stream::Events, Stream::Facial, Stream::Voice];
    known.into_iter().filter(|stream| names.iter().any(|name| name == stream.as_str())).collect()
}

/// The scores over the moments that the tester left in, once the notes are confirmed (openscouter 3.8, 12.6).
pub(crate) async fn analytics(cx: &RequestContext, caller: &Caller, fields: &Fields) -> Result<Box<RawValue>, Problem> {
    let session = seen(cx, caller, id(fields, "test_id")).await?;
    let none = Analytics { test_id: session.id.wire(), ..Analytics::default() };
    let Some(analyst) = session.analyst.filter(|_| session.status == TestStatus::Confirmed) else {
        return json(&none);
    };
    let store = cx.context.store();
    let (notes, jobs) = try_join(store.notes(session.id), store.agent_jobs(std::slice::from_ref(&analyst))).await?;
    let Some(job) = jobs.first().filter(|job| job.status == AgentStatus::Complete) else { return json(&none) };
    let moment = |note: &Note| {
        let moment = note.moment.as_ref()?;
        let kind = MomentKind::parse(&moment.kind)?;
        Some((note.timestamp, kind, moment.impact, streams(&moment.own)))
    };
    let mut moments: Vec<_> = notes.notes.iter().filter(|note| note.included).filter_map(moment).collect();
    moments.sort_by_key(|(at, kind, ..)| (*at, *kind));
    let rated: Vec<_> = moments.iter().map(|(_, kind, impact, own)| (*kind, *impact, own)).collect();
    let scores = sub_scores(&rated, &streams(&job.filled));
    json(&Analytics {
        available: true,
        overall: Some(scores.overall),
        emotion: scores.emotion,
        interaction: scores.interaction,
        voice: scores.voice,
        ..none
    })
}
