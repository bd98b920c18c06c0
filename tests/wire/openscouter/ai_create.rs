//! `POST /api/ai`: agent 1 is asked for (openscouter 12).

use harness::{openscouter::team::Team, snapshot};
use serde_json::json;

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let answer = team.tester("POST", "/api/ai", &json!({"sessionId": session})).await;
    snapshot!("ai-create", &answer);
}
