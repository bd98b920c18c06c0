//! `POST /api/sessions/:id/pause`: a session is interrupted (openscouter 10).

use harness::{
    openscouter::{refused, send, team::Team, told},
    snapshot,
};
use serde_json::{Value, json};

#[tokio::test]
async fn no_transition_is_lost_or_done_twice() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let path = format!("/api/sessions/{session}/pause");
    let headers = [("authorization", team.tester.as_str()), ("content-type", "application/json")];
    let calls = (0..12).map(|_| send(&team.bench, "POST", &path, &headers, "{}"));
    let answers = futures_util::future::join_all(calls).await;
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(done, 1);
    assert!(
        answers
            .iter()
            .filter(|answer| answer.status != 200)
            .all(|a| told(a) == refused("Session is paused, expected active"))
    );
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let answer = team.tester("POST", &format!("/api/sessions/{session}/pause"), &Value::Null).await;
    snapshot!("sessions-pause", &answer);
}
