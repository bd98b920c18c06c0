//! `GET /api/me/erasure`: where that stands (openscouter 18).

use harness::{openscouter::team::Team, snapshot};
use serde_json::{Value, json};

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    team.tester("POST", "/api/me/erasure", &json!({"confirm": "ERASE"})).await;
    let answer = team.tester("GET", "/api/me/erasure", &Value::Null).await;
    snapshot!("me-erasure-get", &answer);
}
