//! Studies in every shape and state (openscouter 5.1, 9).

use std::convert::Infallible;

use serde_json::{Value, json};
use shared::model::{Payment, Status, Study, StudyId};

use super::{
    data,
    team::{STUDY, Team},
};

/// The body of a study.
pub fn body() -> Value {
    serde_json::from_str(STUDY).unwrap()
}

/// The body with another value at a place; `gone` takes the member away.
pub fn with(path: &str, value: Value) -> Value {
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

/// A draft of the owner, and its path.
pub async fn draft(team: &Team, body: &Value) -> (Value, String) {
    let made = team.owner("POST", "/api/jobs", body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let made = data(&made);
    let path = format!("/api/jobs/{}", made["jobId"].as_str().unwrap());
    (made, path)
}

/// The id in a path.
pub fn id_of(path: &str) -> StudyId {
    StudyId::from_wire(path.rsplit('/').next().unwrap()).unwrap()
}

/// Changes a study behind the API's back: by what has no endpoint here.
pub async fn alter(team: &Team, path: &str, change: impl Fn(&Study) -> Study + Send + Sync) -> Study {
    let store = team.bench.context.store();
    let known = store.linked_study(id_of(path)).await.unwrap().unwrap();
    let change = |study: &Study| Ok::<_, Infallible>(Some(change(study)));
    store.update_study(known.organization, known.id, None, &change).await.ok().unwrap()
}

/// A study whose payment is as it is said.
pub async fn paid(team: &Team, path: &str, payment: Payment) {
    let now = team.bench.context.clock().now();
    alter(team, path, |study| {
        let mut next = study.changed_at(now);
        next.details.payment = payment;
        next
    })
    .await;
}

/// A study in another state.
pub async fn moved(team: &Team, path: &str, status: Status) {
    let now = team.bench.context.clock().now();
    alter(team, path, |study| study.moved_to(status, now)).await;
}

/// A text that no compression makes much smaller.
pub fn noise(seed: u32, length: usize) -> String {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        char::from_u32(0x4e00 + state % 20_000).unwrap()
    };
    (0..length).map(|_| next()).collect()
}

/// Fifty tasks of one text each, as long as a body may be.
pub fn largest() -> Value {
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            json!({"title": noise(3 * number + 1, 80), "description": noise(3 * number + 2, 4_750),
                "successCriteria": noise(3 * number + 3, 1_980)})
        })
        .collect();
    let body = with("/tasks", json!(tasks));
    assert!((1_020_000..=1_048_576).contains(&body.to_string().len()), "{}", body.to_string().len());
    body
}
