//! `GET /api/reports/:id`: a report (openscouter 13).

use harness::{openscouter::team::Team, snapshot};
use serde_json::{Value, json};

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    team.approve(&study).await;
    let session = team.confirmed(&study, (&team.user, &team.tester), "#pay").await;
    let report = team.reported(&session).await;
    let path = format!("/api/reports/{}", report["reportId"].as_str().unwrap());
    let answer = team.owner("GET", &path, &Value::Null).await;
    snapshot!("reports-get", &answer);
}
