//! `POST /api/reports/job/:id`: agent 4 is asked for (openscouter 13).

use harness::{openscouter::team::Team, snapshot};
use serde_json::{Value, json};

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    team.approve(&study).await;
    let session = team.confirmed(&study, (&team.user, &team.tester), "#pay").await;
    team.reported(&session).await;
    let answer = team.owner("POST", &format!("/api/reports/job/{study}"), &Value::Null).await;
    snapshot!("reports-study-create", &answer);
}
