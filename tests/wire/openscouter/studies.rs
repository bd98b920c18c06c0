//! Studies (openscouter 5.1, 9): the same objects that Outset shows.

mod bodies;
mod changes;
mod dialects;
mod faults;
mod lists;
mod long;
mod states;

use serde_json::{Value, json};
use shared::model::{Payment, Status, Study, StudyId};

use super::{
    data,
    research::{STUDY, Team},
};

fn body() -> Value {
    serde_json::from_str(STUDY).unwrap()
}

/// The body with another value at a place; `gone` takes the member away.
fn with(path: &str, value: Value) -> Value {
    let mut body = body();
    let (parent, name) = path.rsplit_once('/').unwrap();
    let target = if parent.is_empty() { &mut body } else { body.pointer_mut(parent).unwrap() };
    if value == json!("gone") {
        target.as_object_mut().unwrap().remove(name);
    } else {
        target[name] = value;
    }
    body
}

fn refused(text: &str) -> (u64, String) {
    (422, text.to_owned())
}

fn missing() -> (u64, String) {
    (404, "Study not found".to_owned())
}

/// A draft of the owner, and its path.
async fn draft(team: &Team, body: &Value) -> (Value, String) {
    let made = team.owner("POST", "/api/jobs", body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let made = data(&made);
    let path = format!("/api/jobs/{}", made["jobId"].as_str().unwrap());
    (made, path)
}

fn id_of(path: &str) -> StudyId {
    StudyId::from_wire(path.rsplit('/').next().unwrap()).unwrap()
}

/// Changes a study behind the API's back: by what has no endpoint here.
async fn alter(team: &Team, path: &str, change: impl Fn(&Study) -> Study + Send + Sync) -> Study {
    let store = team.bench.context.store();
    let known = store.linked_study(id_of(path)).await.unwrap().unwrap();
    let change = |study: &Study| Ok::<_, std::convert::Infallible>(Some(change(study)));
    store.update_study(known.organization, known.id, None, &change).await.ok().unwrap()
}

async fn paid(team: &Team, path: &str, payment: Payment) {
    let now = team.bench.context.clock().now();
    alter(team, path, |study| {
        let mut next = study.changed_at(now);
        next.details.payment = payment;
        next
    })
    .await;
}

async fn moved(team: &Team, path: &str, status: Status) {
    let now = team.bench.context.clock().now();
    alter(team, path, |study| study.moved_to(status, now)).await;
}
