//! `GET /api/sessions/:id/notes`: the notes on a session (openscouter 10).

use harness::{openscouter::team::Team, snapshot};
use serde_json::{Value, json};

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    team.approve(&study).await;
    let session = team.confirmed(&study, (&team.user, &team.tester), "#pay").await;
    let answer = team.owner("GET", &format!("/api/sessions/{session}/notes"), &Value::Null).await;
    snapshot!("sessions-notes-get", &answer);
}
