//! `POST /api/jobs/:id/close`: a study ends for good (openscouter 9).

use harness::{openscouter::team::Team, snapshot};
use serde_json::{Value, json};

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let answer = team.owner("POST", &format!("/api/jobs/{study}/close"), &Value::Null).await;
    snapshot!("jobs-close", &answer);
}
