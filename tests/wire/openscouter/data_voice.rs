//! `POST /api/data/voice`: a batch of what a session captured (openscouter 11).

use harness::{openscouter::team::Team, snapshot};
use serde_json::json;

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let item = json!({"timestamp": team.at(0), "transcript": "hm"});
    let body = json!({"sessionId": session, "batch": [item, 7]});
    let answer = team.tester("POST", "/api/data/voice", &body).await;
    snapshot!("data-voice", &answer);
}
