//! `GET /api/testers/quiz`: the quiz without its key (openscouter 18).

use harness::{openscouter::team::Team, snapshot};
use serde_json::Value;

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let answer = team.tester("GET", "/api/testers/quiz", &Value::Null).await;
    snapshot!("testers-quiz-get", &answer);
}
