//! `GET /api/admin/quiz`: the quiz with its key (openscouter 17).

use harness::{openscouter::team::Team, snapshot};
use serde_json::Value;

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let answer = team.admin("GET", "/api/admin/quiz", &Value::Null).await;
    snapshot!("admin-quiz-get", &answer);
}
