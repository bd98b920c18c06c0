//! `POST /api/sessions/:id/confirm`: the tester confirms the notes (openscouter 10).

use harness::{
    openscouter::{team::Team, work},
    snapshot,
};
use serde_json::{Value, json};

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    team.approve(&study).await;
    let session = team.completed(&study, (&team.user, &team.tester), "#pay").await;
    team.owner("POST", &format!("/api/sessions/{session}/analyze"), &Value::Null).await;
    work(&team.bench).await;
    let answer = team.tester("POST", &format!("/api/sessions/{session}/confirm"), &Value::Null).await;
    snapshot!("sessions-confirm", &answer);
}
