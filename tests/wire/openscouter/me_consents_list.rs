//! `GET /api/me/consents`: what a tester consented to (openscouter 18).

use harness::{openscouter::team::Team, snapshot};
use serde_json::Value;

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let answer = team.tester("GET", "/api/me/consents", &Value::Null).await;
    snapshot!("me-consents-list", &answer);
}
