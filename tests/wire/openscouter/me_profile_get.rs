//! `GET /api/me/profile`: the tester's profile (openscouter 18).

use harness::{openscouter::team::Team, snapshot};
use serde_json::Value;

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let answer = team.tester("GET", "/api/me/profile", &Value::Null).await;
    snapshot!("me-profile-get", &answer);
}
