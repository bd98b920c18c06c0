//! `POST /api/sessions/:id/resume`: a session goes on (openscouter 10).

use harness::{openscouter::team::Team, snapshot};
use serde_json::{Value, json};

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    team.tester("POST", &format!("/api/sessions/{session}/pause"), &Value::Null).await;
    let answer = team.tester("POST", &format!("/api/sessions/{session}/resume"), &Value::Null).await;
    snapshot!("sessions-resume", &answer);
}
