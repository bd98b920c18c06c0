//! `GET /api/sessions/:id`: a session with what agents made of it (openscouter 10).

use harness::{openscouter::team::Team, snapshot};
use serde_json::{Value, json};

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let answer = team.owner("GET", &format!("/api/sessions/{session}"), &Value::Null).await;
    snapshot!("sessions-get", &answer);
}
