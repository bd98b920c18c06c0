//! Reports as the API shows them (openscouter 13.1, 13.2).

use serde::{Deserialize, Serialize};

use super::super::format::timestamp;
use crate::model::{AgentStatus, Criterion, Report};

/// A finding of a report (openscouter 13.1, 13.2). `P` says where it was found: [`Moment`] or [`Share`].
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding<P> {
    /// Wire id.
    pub finding_id: String,
    /// The kind of moment (openscouter 12.5).
    #[serde(rename = "type")]
    pub kind: String,
    /// How much it matters.
    pub severity: String,
    /// How sure it is.
    pub confidence: String,
    /// The success criterion that it touches.
    pub wcag: Criterion,
    /// Where it is.
    pub context: String,
    /// What to do about it.
    pub recommendation: String,
    /// Where it was found.
    #[serde(flatten)]
    pub place: P,
}

/// When a finding of a session happened (openscouter 13.1).
#[derive(Debug, Deserialize, Serialize)]
pub struct Moment {
    /// A time with milliseconds.
    pub timestamp: Option<String>,
}

/// How many testers of a study a finding affects (openscouter 13.2).
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// Their number.
    pub affected_testers: u64,
    /// Their part of all testers, 0 to 1.
    pub share: f64,
}

/// Testers of one category (openscouter 13.2).
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stratum {
    /// The category.
    pub category: String,
    /// How many testers it has.
    pub testers: u64,
    /// Mean of their sessions' frustration.
    pub average_frustration_score: f64,
    /// The findings that affect most of them.
    pub top_finding_ids: Vec<String>,
}

/// The contents of a session report; all `None` until it is complete (openscouter 13.1).
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SessionContents {
    /// 0 to 100.
    pub accessibility_score: Option<u32>,
    /// 0 to 1.
    pub overall_frustration_score: Option<f64>,
    /// One sentence.
    pub summary: Option<String>,
    /// The worst first.
    pub findings: Option<Vec<Finding<Moment>>>,
    /// The notes that the tester wrote.
    pub tester_comments: Option<Vec<String>>,
}

/// The contents of a study report; all `None` until it is complete (openscouter 13.2).
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StudyContents {
    /// 0 to 100.
    pub accessibility_score: Option<u32>,
    /// Mean of the sessions' frustration, 0 to 1.
    pub average_frustration_score: Option<f64>,
    /// Testers that it rests on.
    pub tester_count: Option<u64>,
    /// The study's other sessions.
    pub excluded_sessions: Option<u64>,
    /// One sentence.
    pub summary: Option<String>,
    /// The worst first.
    pub findings: Option<Vec<Finding<Share>>>,
    /// Categories with enough testers.
    pub nd_stratification: Option<Vec<Stratum>>,
    /// How many categories have too few.
    pub suppressed_strata: Option<u64>,
}

/// The contents of a report, by what it is about.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Contents {
    /// Of a session.
    Session(SessionContents),
    /// Of a study.
    Study(StudyContents),
}

impl Contents {
    /// What a report says; nothing until it is complete. What findings are grouped by is left out: it is shown only
    /// inside their context (openscouter 13.1).
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let text = if report.status == AgentStatus::Complete { &*report.contents } else { "" };
        match report.session {
            Some(_) => Self::Session(serde_json::from_str(text).unwrap_or_default()),
            None => Self::Study(serde_json::from_str(text).unwrap_or_default()),
        }
    }
}

/// The name of a session's tester in a report: never the person's own (openscouter 13.1).
#[must_use]
pub fn tester_label(report: &Report) -> String {
    format!("Tester {}", report.number)
}

/// A report on a session or a study (openscouter 13.1, 13.2).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportView {
    report_id: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    job_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tester_label: Option<String>,
    version: u32,
    status: &'static str,
    #[serde(flatten)]
    contents: Contents,
    created_at: String,
    completed_at: Option<String>,
}

/// A report, as the API shows it (openscouter 13.1, 13.2).
#[must_use]
pub fn report_view(report: &Report) -> ReportView {
    ReportView {
        report_id: report.id.wire(),
        kind: if report.session.is_some() { "session" } else { "study" },
        session_id: report.session.map(|session| session.wire()),
        job_id: report.study.wire(),
        tester_label: report.session.map(|_| tester_label(report)),
        version: report.edition,
        status: report.status.as_str(),
        contents: Contents::of(report),
        created_at: timestamp(report.created_at),
        completed_at: report.completed_at.map(timestamp),
    }
}
