//! `GET /api/ai/:id`: a job of an agent (openscouter 12).

use harness::{
    openscouter::{data, team::Team, work},
    snapshot,
};
use serde_json::{Value, json};

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let asked = team.tester("POST", "/api/ai", &json!({"sessionId": session})).await;
    work(&team.bench).await;
    let path = format!("/api/ai/{}", data(&asked)["analysisJobId"].as_str().unwrap());
    let answer = team.tester("GET", &path, &Value::Null).await;
    snapshot!("ai-get", &answer);
}
