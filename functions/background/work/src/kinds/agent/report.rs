//! Agents 3 and 4: the report on a session, and that on a study (openscouter 13).

use std::collections::BTreeSet;

use engine::analysis::{
    Confidence, MomentKind, SessionFinding, SessionResult, Severity, Stratum, StudyFinding, StudyResult, Wcag,
    accessibility, aggregate, counted, frustration_of, summary_of, wcag_of,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use serde_json::{Value, json};
use shared::{
    context::Context,
    model::{
        Action, AgentJob, AgentStatus, ConsentKind, Criterion, FindingId, Note, NotedMoment, Report, Study,
        TestSession, TestStatus, UserId,
    },
    openscouter::format::millis,
    store::{AgentOutcome, StoreError, UpdateError},
};
use time::OffsetDateTime;

use super::end::{FAILED, Failure, done, record, text_of};

/// Testers that are looked up at a time.
const AT_A_TIME: usize = 16;

fn rank(severity: &str) -> Severity {
    Severity::parse(severity).unwrap_or(Severity::Low)
}

/// What a report says of a session (openscouter 13.1).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionContents<'a> {
    accessibility_score: u32,
    overall_frustration_score: f64,
    summary: String,
    findings: Vec<SessionReportFinding<'a>>,
    tester_comments: Vec<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionReportFinding<'a> {
    finding_id: String,
    r#type: &'a str,
    severity: &'a str,
    confidence: &'a str,
    wcag: &'a Criterion,
    context: &'a str,
    recommendation: &'a str,
    timestamp: Option<String>,
    element: Option<&'a str>,
    last: bool,
}

fn session_finding<'a>(note: &Note, moment: &'a NotedMoment, now: OffsetDateTime) -> SessionReportFinding<'a> {
    SessionReportFinding {
        finding_id: FindingId::at(now).wire(),
        r#type: &moment.kind,
        severity: &moment.severity,
        confidence: &moment.confidence,
        wcag: &moment.wcag,
        context: &moment.context,
        recommendation: &moment.recommendation,
        timestamp: note.timestamp.map(millis),
        element: moment.element.as_deref(),
        last: moment.last,
    }
}

/// The contents of a report: made of the analyst's notes that the tester left in.
fn contents(notes: &[Note], now: OffsetDateTime) -> SessionContents<'_> {
    let included = || notes.iter().filter(|note| note.included);
    let mut moments: Vec<(&Note, &NotedMoment)> =
        included().filter_map(|note| Some((note, note.moment.as_ref()?))).collect();
    let kind = |moment: &NotedMoment| MomentKind::parse(&moment.kind);
    moments.sort_by_key(|(note, moment)| (note.timestamp, kind(moment)));
    let frustration = frustration_of(moments.iter().map(|(_, moment)| moment.impact));
    let mut worst: Option<&NotedMoment> = None;
    for (_, moment) in &moments {
        if worst.is_none_or(|worst| moment.impact > worst.impact) {
            worst = Some(moment);
        }
    }
    let summary = summary_of(moments.len(), frustration, worst.map(|moment| &*moment.context));
    let score = accessibility(moments.iter().map(|(_, moment)| rank(&moment.severity)));
    moments.sort_by_key(|(note, moment)| (rank(&moment.severity), note.timestamp));
    SessionContents {
        accessibility_score: score,
        overall_frustration_score: frustration,
        summary,
        findings: moments.iter().map(|(note, moment)| session_finding(note, moment, now)).collect(),
        tester_comments: included().filter(|note| note.moment.is_none()).map(|note| &*note.text).collect(),
    }
}

/// Ends a job with the report that it made.
async fn finish(context: &Context, job: &AgentJob, contents: String) -> Result<Report, Failure> {
    let (store, now) = (context.store(), context.clock().now());
    let before = store.report(job.report.ok_or(Failure::Gone)?).await?.ok_or(Failure::Gone)?;
    if before.job != job.id {
        return Err(Failure::Gone);
    }
    let report = Report {
        status: AgentStatus::Complete,
        completed_at: Some(now),
        counted: true,
        contents,
        version: before.version + 1,
        ..before.clone()
    };
    let detail = json!({"version": report.edition});
    let audit = record(context, job, Action::ReportGenerated, report.id.wire(), detail).await?;
    let done = done(context, job);
    if !store.change_agent_job(&done, AgentOutcome::Report(&before, &report), Some(&audit), now).await? {
        return Err(Failure::Fault("somebody else has the job".to_owned()));
    }
    Ok(report)
}

/// Agent 3.
pub(super) async fn of_session(context: &Context, job: &AgentJob, session: &TestSession) -> Result<(), Failure> {
    let notes = context.store().notes(session.id).await?;
    let contents = text_of(&contents(&notes.notes, context.clock().now()))?;
    finish(context, job, contents).await.map(|_| ())
}

/// A finding of a session report as it was kept.
fn kept_finding(value: &Value) -> Option<SessionFinding> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let kind = MomentKind::parse(text("type")?)?;
    Some(SessionFinding {
        kind,
        wcag: wcag_of(kind, value.pointer("/wcag/criterion")?.as_str()?),
        element: text("element").map(str::to_owned),
        confidence: Confidence::parse(text("confidence")?)?,
        context: text("context")?.to_owned(),
        last: value.get("last").and_then(Value::as_bool).unwrap_or_default(),
    })
}

/// The categories that a tester lets us use.
async fn categories(context: &Context, tester: UserId) -> Result<BTreeSet<String>, Failure> {
    let (store, version) = (context.store(), &*context.settings().openscouter.consent_version);
    if !store.has_consent(tester, ConsentKind::SpecialCategory, version).await? {
        return Ok(BTreeSet::new());
    }
    Ok(store.special_categories(tester).await?.into_iter().collect())
}

async fn result(context: &Context, session: &TestSession, report: &Report) -> Result<SessionResult, Failure> {
    let malformed = |error: serde_json::Error| Failure::Fault(error.to_string());
    let contents: Value = serde_json::from_str(&report.contents).map_err(malformed)?;
    let findings = contents.get("findings").and_then(Value::as_array);
    Ok(SessionResult {
        tester: session.number,
        categories: categories(context, session.tester).await?,
        abandoned: session.abandoned,
        frustration: contents.get("overallFrustrationScore").and_then(Value::as_f64).unwrap_or_default(),
        findings: findings.into_iter().flatten().filter_map(kept_finding).collect(),
    })
}

/// What a report says of a study (openscouter 13.2).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StudyContents<'a> {
    accessibility_score: u32,
    average_frustration_score: f64,
    tester_count: usize,
    excluded_sessions: usize,
    summary: String,
    findings: Vec<StudyReportFinding<'a>>,
    nd_stratification: Vec<StratumContents<'a>>,
    suppressed_strata: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StudyReportFinding<'a> {
    finding_id: &'a str,
    r#type: &'static str,
    severity: &'static str,
    confidence: &'static str,
    wcag: WcagContents,
    context: &'a str,
    recommendation: &'static str,
    affected_testers: usize,
    share: f64,
}

#[derive(Serialize)]
struct WcagContents {
    criterion: &'static str,
    name: &'static str,
    level: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StratumContents<'a> {
    category: &'a str,
    testers: usize,
    average_frustration_score: f64,
    top_finding_ids: Vec<&'a str>,
}

fn study_finding<'a>(id: &'a str, finding: &'a StudyFinding) -> StudyReportFinding<'a> {
    let Wcag { criterion, name, level, recommendation } = finding.wcag;
    StudyReportFinding {
        finding_id: id,
        r#type: finding.kind.as_str(),
        severity: finding.severity.as_str(),
        confidence: finding.confidence.as_str(),
        wcag: WcagContents { criterion, name, level },
        context: &finding.context,
        recommendation,
        affected_testers: finding.affected,
        share: finding.share,
    }
}

fn stratum<'a>(stratum: &'a Stratum, ids: &'a [String]) -> StratumContents<'a> {
    StratumContents {
        category: &stratum.category,
        testers: stratum.testers,
        average_frustration_score: stratum.frustration,
        top_finding_ids: stratum.top.iter().filter_map(|index| ids.get(*index)).map(String::as_str).collect(),
    }
}

/// The contents of a report on a study, whose findings have these ids.
fn study_contents<'a>(result: &'a StudyResult, ids: &'a [String], excluded: usize) -> StudyContents<'a> {
    let summary = match result.findings.first() {
        None => summary_of(0, result.frustration, None),
        Some(worst) => format!(
            "{} from {}; mean frustration {:.2}; most affected: {}.",
            counted(result.findings.len(), "finding"),
            counted(result.testers, "tester"),
            result.frustration,
            worst.context
        ),
    };
    StudyContents {
        accessibility_score: result.accessibility,
        average_frustration_score: result.frustration,
        tester_count: result.testers,
        excluded_sessions: excluded,
        summary,
        findings: ids.iter().zip(&result.findings).map(|(id, finding)| study_finding(id, finding)).collect(),
        nd_stratification: result.strata.iter().map(|found| stratum(found, ids)).collect(),
        suppressed_strata: result.suppressed,
    }
}

/// Agent 4.
pub(super) async fn of_study(context: &Context, job: &AgentJob) -> Result<(), Failure> {
    let store = context.store();
    let study = store.linked_study(job.study).await?.ok_or(Failure::Gone)?;
    let sessions = store.test_sessions_of(study.id).await?;
    let confirmed: Vec<_> = sessions.iter().filter(|session| session.status == TestStatus::Confirmed).collect();
    if confirmed.is_empty() {
        return Err(Failure::Gate("notes_confirmed", FAILED));
    }
    let ids: Vec<_> = confirmed.iter().filter_map(|session| session.report).collect();
    let reports = store.reports(&ids).await?;
    let complete = |session: &TestSession| {
        let found = reports.iter().find(|report| Some(report.id) == session.report);
        // the latest complete edition counts, also while a further one is made
        found.filter(|report| !report.contents.is_empty())
    };
    let cohort: Vec<_> = confirmed.iter().filter_map(|session| Some((*session, complete(session)?))).collect();
    if cohort.is_empty() {
        return Err(Failure::Gone);
    }
    let results: Vec<_> = cohort.iter().map(|(session, report)| result(context, session, report)).collect();
    let results: Vec<SessionResult> = stream::iter(results).buffered(AT_A_TIME).try_collect().await?;
    let aggregated = aggregate(&results);
    let excluded = sessions.len() - results.len();
    let now = context.clock().now();
    let ids: Vec<_> = aggregated.findings.iter().map(|_| FindingId::at(now).wire()).collect();
    finish(context, job, text_of(&study_contents(&aggregated, &ids, excluded))?).await?;
    Ok(keep_score(context, job).await?)
}

/// A study shows the score of its latest report (openscouter 9.2). Again, nothing changes.
pub(super) async fn keep_score(context: &Context, job: &AgentJob) -> Result<(), StoreError> {
    let (store, now) = (context.store(), context.clock().now());
    let Some(report) = store.study_report(job.study).await?.filter(|report| report.job == job.id) else {
        return Ok(());
    };
    let contents: Value = serde_json::from_str(&report.contents).unwrap_or_default();
    let score = contents.get("accessibilityScore").and_then(Value::as_u64).and_then(|score| u32::try_from(score).ok());
    let change = move |study: &Study| {
        let mut next = study.changed_at(now);
        next.details.accessibility_score = score;
        Ok::<_, std::convert::Infallible>((study.details.accessibility_score != score).then_some(next))
    };
    match store.update_study(job.organization, job.study, None, &change).await {
        Ok(_) | Err(UpdateError::NotFound | UpdateError::Refused(_)) => Ok(()),
        Err(UpdateError::Store(error)) => Err(error),
    }
}
