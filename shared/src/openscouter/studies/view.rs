//! Studies as the API shows them (openscouter 9.2, 9.3).

use serde::Serialize;
use time::OffsetDateTime;

use super::super::{format::timestamp, request_context::RequestContext};
use crate::{
    model::{AbTest, Compensation, Study, StudySettings, Targeting, Task, TaskId},
    secret::sha256_hex,
    store::Progress,
};

/// The wire id of the task at `index`. A task that was made elsewhere has none: it gets the same one each time.
#[must_use]
pub fn task_id(study: &Study, index: usize, task: &Task) -> String {
    if let Some(id) = &task.task_id {
        return id.clone();
    }
    let digest = sha256_hex(format!("{}/{index}", study.id).as_bytes());
    let number = digest.get(..32).and_then(|digits| u128::from_str_radix(digits, 16).ok()).unwrap_or_default();
    TaskId::from_uuid(uuid::Uuid::from_u128(number)).wire()
}

/// The tasks of a study, each with its id and its order, sorted by it (openscouter 9.1).
#[must_use]
pub fn visible_tasks(study: &Study) -> Vec<Task> {
    let visible = |(index, task): (usize, &Task)| {
        let order = if task.order > 0 { task.order } else { u64::try_from(index + 1).unwrap_or(u64::MAX) };
        Task { task_id: Some(task_id(study, index, task)), order, ..task.clone() }
    };
    let mut tasks: Vec<_> = study.tasks.iter().enumerate().map(visible).collect();
    tasks.sort_by_key(|task| task.order);
    tasks
}

/// A task of a study (openscouter 9.1). All of its members are shown, the empty ones, too.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    task_id: Option<String>,
    title: String,
    description: String,
    success_criteria: String,
    order: u64,
}

impl From<Task> for TaskView {
    fn from(task: Task) -> Self {
        let Task { task_id, title, description, success_criteria, order } = task;
        Self { task_id, title, description, success_criteria, order }
    }
}

fn task_views(study: &Study) -> Vec<TaskView> {
    visible_tasks(study).into_iter().map(TaskView::from).collect()
}

/// The members of a study that a body sets (openscouter 9.1).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BodyView<'a> {
    title: &'a str,
    description: &'a str,
    prototype_url: Option<&'a str>,
    prototype_type: Option<&'a str>,
    tasks: Vec<TaskView>,
    targeting: &'a Targeting,
    ab_test: Option<&'a AbTest>,
    compensation: Option<&'a Compensation>,
    settings: &'a StudySettings,
}

impl<'a> BodyView<'a> {
    /// What a body would have to say to make this study.
    #[must_use]
    pub fn of(study: &'a Study) -> Self {
        let details = &study.details;
        Self {
            title: &study.name,
            description: &details.description,
            prototype_url: study.target_url.as_deref(),
            prototype_type: details.prototype_type.as_deref(),
            tasks: task_views(study),
            targeting: &details.targeting,
            ab_test: details.ab_test.as_ref(),
            compensation: details.compensation.as_ref(),
            settings: &details.settings,
        }
    }
}

/// The counts of a study's sessions (openscouter 9.2).
#[derive(Debug, Serialize)]
struct ProgressView {
    sessions: u32,
    completed: u32,
    confirmed: u32,
}

/// Study data, as owners and admins see it (openscouter 9.2).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StudyView<'a> {
    job_id: String,
    organization_id: String,
    #[serde(flatten)]
    body: BodyView<'a>,
    status: &'static str,
    payment_status: &'static str,
    progress: ProgressView,
    accessibility_score: Option<u32>,
    dashboard_url: String,
    created_at: String,
    updated_at: String,
    launched_at: Option<String>,
    closed_at: Option<String>,
}

/// A time that is kept in seconds since the Unix epoch.
fn seconds(time: Option<i64>) -> Option<String> {
    time.and_then(|time| OffsetDateTime::from_unix_timestamp(time).ok()).map(timestamp)
}

/// The address of a study, by its wire id, in the web application at `app_url`.
fn dashboard_at(app_url: &str, id: &str) -> String {
    format!("{app_url}/studies/{id}")
}

impl RequestContext {
    /// The address of a study for people (openscouter 9.2).
    #[must_use]
    pub fn dashboard_url(&self, study: &Study) -> String {
        dashboard_at(&app_url(self), &study.id.wire())
    }
}

/// Study data with links into the web application at `app_url` (openscouter 1.3, 9.2).
#[must_use]
pub fn study_data<'a>(app_url: &str, study: &'a Study, progress: Progress) -> StudyView<'a> {
    let details = &study.details;
    let id = study.id.wire();
    let Progress { sessions, completed, confirmed, .. } = progress.shown();
    StudyView {
        dashboard_url: dashboard_at(app_url, &id),
        job_id: id,
        organization_id: study.organization.wire(),
        body: BodyView::of(study),
        status: study.status.as_str(),
        payment_status: details.payment.as_str(),
        progress: ProgressView { sessions, completed, confirmed },
        accessibility_score: details.accessibility_score,
        created_at: timestamp(study.created_at),
        updated_at: timestamp(study.updated_at),
        launched_at: seconds(details.launched_at),
        closed_at: seconds(details.closed_at),
    }
}

/// The base URL of the web application (openscouter 1.3).
#[must_use]
pub fn app_url(cx: &RequestContext) -> String {
    let configured = cx.context.settings().openscouter.app_url.as_ref();
    configured.map_or_else(|| cx.base(), |url| url.trim_end_matches('/').to_owned())
}

/// Study data, for the answer to a request (openscouter 9.2).
#[must_use]
pub fn study_view<'a>(cx: &RequestContext, study: &'a Study, progress: Progress) -> StudyView<'a> {
    study_data(&app_url(cx), study, progress)
}

/// A study as testers see it: nothing of what its owner is after (openscouter 9.3).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TesterView<'a> {
    job_id: String,
    title: &'a str,
    prototype_url: Option<&'a str>,
    prototype_type: Option<&'a str>,
    tasks: Vec<TaskView>,
    compensation: Option<&'a Compensation>,
    settings: &'a StudySettings,
    status: &'static str,
    created_at: String,
}

/// A study as testers see it (openscouter 9.3).
#[must_use]
pub fn tester_view(study: &Study) -> TesterView<'_> {
    TesterView {
        job_id: study.id.wire(),
        title: &study.name,
        prototype_url: study.target_url.as_deref(),
        prototype_type: study.details.prototype_type.as_deref(),
        tasks: task_views(study),
        compensation: study.details.compensation.as_ref(),
        settings: &study.details.settings,
        status: study.status.as_str(),
        created_at: timestamp(study.created_at),
    }
}
