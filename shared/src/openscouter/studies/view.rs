//! What is told of a study (openscouter 9.2, 9.3).

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::super::{envelope::optional_time, format::timestamp, request_context::RequestContext};
use crate::{
    model::{Study, Task, TaskId},
    secret::sha256_hex,
    store::Progress,
};

/// The wire id of a task; one that was made elsewhere has the same one each time.
pub fn task_id(study: &Study, place: usize, task: &Task) -> String {
    if let Some(id) = &task.task_id {
        return id.clone();
    }
    let digest = sha256_hex(format!("{}/{place}", study.id).as_bytes());
    let number = digest.get(..32).and_then(|digits| u128::from_str_radix(digits, 16).ok()).unwrap_or_default();
    TaskId::from_uuid(uuid::Uuid::from_u128(number)).wire()
}

/// The tasks as they are told: each with its id and its place, in the order of the places.
pub fn visible_tasks(study: &Study) -> Vec<Task> {
    let told = |(place, task): (usize, &Task)| {
        let order = if task.order > 0 { task.order } else { u64::try_from(place + 1).unwrap_or(u64::MAX) };
        Task { task_id: Some(task_id(study, place, task)), order, ..task.clone() }
    };
    let mut tasks: Vec<_> = study.tasks.iter().enumerate().map(told).collect();
    tasks.sort_by_key(|task| task.order);
    tasks
}

fn tasks(study: &Study) -> Vec<Value> {
    let object = |task: Task| {
        json!({
            "taskId": task.task_id,
            "title": task.title,
            "description": task.description,
            "successCriteria": task.success_criteria,
            "order": task.order,
        })
    };
    visible_tasks(study).into_iter().map(object).collect()
}

fn seconds(time: Option<i64>) -> Value {
    optional_time(time.and_then(|time| OffsetDateTime::from_unix_timestamp(time).ok()))
}

/// The base URL of the web application (openscouter 1.3).
fn app_url(cx: &RequestContext) -> String {
    let configured = cx.context.settings().openscouter.app_url.as_ref();
    configured.map_or_else(|| cx.base(), |url| url.trim_end_matches('/').to_owned())
}

/// The fields that a body sets, as they are told (openscouter 9.1).
pub fn body_fields(study: &Study) -> Map<String, Value> {
    let details = &study.details;
    let fields = [
        ("title", json!(study.name)),
        ("description", json!(details.description)),
        ("prototypeUrl", json!(study.target_url)),
        ("prototypeType", json!(details.prototype_type)),
        ("tasks", json!(tasks(study))),
        ("targeting", json!(details.targeting)),
        ("abTest", json!(details.ab_test)),
        ("compensation", json!(details.compensation)),
        ("settings", json!(details.settings)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Study data (openscouter 9.2).
pub fn study_object(cx: &RequestContext, study: &Study, progress: Progress) -> Value {
    study_data(&app_url(cx), study, progress)
}

/// Study data, with the web application's base URL.
pub fn study_data(app_url: &str, study: &Study, progress: Progress) -> Value {
    let details = &study.details;
    let id = study.id.wire();
    let mut object = Map::new();
    object.insert("jobId".to_owned(), json!(id));
    object.insert("organizationId".to_owned(), json!(study.organization.wire()));
    object.extend(body_fields(study));
    let rest = [
        ("status", json!(study.status.as_str())),
        ("paymentStatus", json!(details.payment.as_str())),
        (
            "progress",
            json!({
                "sessions": progress.sessions,
                "completed": progress.completed,
                "confirmed": progress.confirmed,
            }),
        ),
        ("accessibilityScore", json!(details.accessibility_score)),
        ("dashboardUrl", json!(format!("{app_url}/studies/{id}"))),
        ("createdAt", json!(timestamp(study.created_at))),
        ("updatedAt", json!(timestamp(study.updated_at))),
        ("launchedAt", seconds(details.launched_at)),
        ("closedAt", seconds(details.closed_at)),
    ];
    object.extend(rest.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Value::Object(object)
}

/// What a tester sees of a study (openscouter 9.3).
pub fn tester_view(study: &Study) -> Value {
    json!({
        "jobId": study.id.wire(),
        "title": study.name,
        "prototypeUrl": study.target_url,
        "prototypeType": study.details.prototype_type,
        "tasks": tasks(study),
        "compensation": study.details.compensation,
        "settings": study.details.settings,
        "status": study.status.as_str(),
        "createdAt": timestamp(study.created_at),
    })
}
