//! `POST /api/sessions/:id/analyze`: agent 2 is asked for (openscouter 10, 12).

use harness::{openscouter::team::Team, snapshot};
use serde_json::{Value, json};

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    team.approve(&study).await;
    let session = team.completed(&study, (&team.user, &team.tester), "#pay").await;
    let answer = team.owner("POST", &format!("/api/sessions/{session}/analyze"), &Value::Null).await;
    snapshot!("sessions-analyze", &answer);
}
