//! `list_studies`, `get_study` and `get_insights` (openscouter 19.2).

use serde::Serialize;
use serde_json::value::RawValue;
use shared::{
    model::{AgentStatus, Criterion, Report, Status, Study, StudyId},
    openscouter::{
        access::{Caller, Viewer},
        envelope::Problem,
        fields::Fields,
        format::timestamp,
        reports::{
            record_read,
            view::{Contents, Finding, Share},
        },
        request_context::RequestContext,
        studies::{missing, owned_study, owned_with_progress, view::visible_tasks},
        test_sessions::seen,
    },
    store::StudyFilter,
};

use crate::arguments::{id, json, limit};

/// A study in a list.
#[derive(Serialize)]
struct StudyRow<'a> {
    study_id: String,
    title: &'a str,
    status: &'static str,
    score: Option<u32>,
    tester_count: u32,
    created_at: String,
    dashboard_url: String,
}

#[derive(Serialize)]
struct StudyList<'a> {
    studies: Vec<StudyRow<'a>>,
    total: u64,
}

/// A study with all that is known of it.
#[derive(Serialize)]
struct StudyResult<'a> {
    #[serde(flatten)]
    row: StudyRow<'a>,
    description: &'a str,
    target_url: Option<&'a str>,
    tasks: Vec<TaskResult>,
    number_of_tests: u32,
    headline: Headline,
    report: Option<ReportResult>,
}

#[derive(Serialize)]
struct TaskResult {
    task_id: Option<String>,
    title: String,
    description: String,
    success_criteria: String,
}

/// What is said of a study first.
#[derive(Serialize)]
struct Headline {
    score: Option<u32>,
    tester_count: u32,
    status: &'static str,
}

/// What a complete report on a study says.
#[derive(Serialize)]
struct ReportResult {
    score: Option<u32>,
    summary: Option<String>,
    findings: Vec<FindingResult>,
}

#[derive(Serialize)]
struct FindingResult {
    finding_id: String,
    #[serde(flatten)]
    insight: Insight,
    affected_testers: u64,
    share: f64,
}

/// A finding of any report.
#[derive(Serialize)]
struct Insight {
    severity: String,
    recommendation: String,
    r#type: String,
    context: String,
    wcag: Criterion,
    confidence: String,
}

#[derive(Serialize)]
struct InsightList {
    insights: Vec<Insight>,
}

fn row<'a>(cx: &RequestContext, study: &'a Study) -> StudyRow<'a> {
    StudyRow {
        study_id: study.id.wire(),
        title: &study.name,
        status: study.status.as_str(),
        score: study.details.accessibility_score,
        tester_count: study.details.targeting.tester_count,
        created_at: timestamp(study.created_at),
        dashboard_url: cx.dashboard_url(study),
    }
}

pub(crate) async fn list(cx: &RequestContext, caller: &Caller, fields: &Fields) -> Result<Box<RawValue>, Problem> {
    let status = match fields.optional("status") {
        None => None,
        Some(_) => Some(fields.choice("status", &Status::ALL.map(Status::as_str).join(", "), Status::parse)?),
    };
    let limit = limit(fields)?;
    let Viewer::Owner(organization) = caller.viewer() else { return Err(missing()) };
    let filter = status.map_or(StudyFilter::All, StudyFilter::Status);
    let page = cx.context.store().studies_page(organization, (filter, None), None, limit, &|_| Some(0)).await?;
    let page = page.ok_or_else(|| Problem::Crash("a list without a page".to_owned()))?;
    let studies = page.members.iter().map(|listed| row(cx, &listed.study)).collect();
    json(&StudyList { studies, total: page.total })
}

pub(crate) async fn get(cx: &RequestContext, caller: &Caller, fields: &Fields) -> Result<Box<RawValue>, Problem> {
    let asked = StudyId::from_wire(id(fields, "study_id"));
    let (study, progress) = owned_with_progress(cx, caller.viewer(), asked).await?;
    let report = match cx.context.store().study_report(study.id).await? {
        Some(report) => told(cx, caller, &report).await?,
        None => None,
    };
    let row = row(cx, &study);
    let task = |task: shared::model::Task| TaskResult {
        task_id: task.task_id,
        title: task.title,
        description: task.description,
        success_criteria: task.success_criteria,
    };
    json(&StudyResult {
        headline: Headline { score: row.score, tester_count: row.tester_count, status: row.status },
        row,
        description: &study.details.description,
        target_url: study.target_url.as_deref(),
        tasks: visible_tasks(&study).into_iter().map(task).collect(),
        number_of_tests: progress.shown().sessions,
        report: report.and_then(study_report),
    })
}

/// What a complete report says; that it is read goes into the trail (openscouter 13).
async fn told(cx: &RequestContext, caller: &Caller, report: &Report) -> Result<Option<Contents>, Problem> {
    if report.status != AgentStatus::Complete {
        return Ok(None);
    }
    record_read(cx, caller, report).await?;
    Ok(Some(Contents::of(report)))
}

fn study_report(contents: Contents) -> Option<ReportResult> {
    let Contents::Study(contents) = contents else { return None };
    let finding = |finding: Finding<Share>| FindingResult {
        finding_id: finding.finding_id.clone(),
        affected_testers: finding.place.affected_testers,
        share: finding.place.share,
        insight: insight(finding),
    };
    Some(ReportResult {
        score: contents.accessibility_score,
        summary: contents.summary,
        findings: contents.findings.unwrap_or_default().into_iter().map(finding).collect(),
    })
}

fn insight<P>(finding: Finding<P>) -> Insight {
    Insight {
        severity: finding.severity,
        recommendation: finding.recommendation,
        r#type: finding.kind,
        context: finding.context,
        wcag: finding.wcag,
        confidence: finding.confidence,
    }
}

/// The findings of a test or of a study.
pub(crate) async fn insights(cx: &RequestContext, caller: &Caller, fields: &Fields) -> Result<Box<RawValue>, Problem> {
    let store = cx.context.store();
    let report = match (fields.optional("test_id"), fields.optional("study_id")) {
        (Some(_), None) => match seen(cx, caller, id(fields, "test_id")).await?.report {
            Some(report) => store.report(report).await?,
            None => None,
        },
        (None, Some(_)) => {
            let study = owned_study(cx, caller.viewer(), StudyId::from_wire(id(fields, "study_id"))).await?;
            store.study_report(study.id).await?
        }
        _ => return Err(Problem::invalid("test_id", "exactly one of test_id and study_id is required")),
    };
    let contents = match report {
        Some(report) => told(cx, caller, &report).await?,
        None => None,
    };
    let insights = match contents {
        Some(Contents::Session(contents)) => contents.findings.unwrap_or_default().into_iter().map(insight).collect(),
        Some(Contents::Study(contents)) => contents.findings.unwrap_or_default().into_iter().map(insight).collect(),
        None => Vec::new(),
    };
    json(&InsightList { insights })
}
