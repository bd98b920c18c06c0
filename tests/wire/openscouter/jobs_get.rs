//! `GET /api/jobs/:id`: a study (openscouter 9).

use harness::{openscouter::team::Team, snapshot};
use serde_json::{Value, json};

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let answer = team.owner("GET", &format!("/api/jobs/{study}"), &Value::Null).await;
    snapshot!("jobs-get", &answer);
}
