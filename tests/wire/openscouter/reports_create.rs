//! `POST /api/reports`: agent 3 is asked for (openscouter 13).

use harness::{openscouter::team::Team, snapshot};
use serde_json::json;

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    team.approve(&study).await;
    let session = team.confirmed(&study, (&team.user, &team.tester), "#pay").await;
    let answer = team.owner("POST", "/api/reports", &json!({"sessionId": session})).await;
    snapshot!("reports-create", &answer);
}
