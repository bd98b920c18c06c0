//! `POST /api/sessions/:id/feedback`: what somebody says of a session (openscouter 10).

use harness::{openscouter::team::Team, snapshot};
use serde_json::json;

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    team.approve(&study).await;
    let session = team.completed(&study, (&team.user, &team.tester), "#pay").await;
    let answer = team
        .tester("POST", &format!("/api/sessions/{session}/feedback"), &json!({"rating": 4, "comment": "fine"}))
        .await;
    snapshot!("sessions-feedback", &answer);
}
