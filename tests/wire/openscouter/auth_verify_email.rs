//! `POST /api/auth/verify-email`: confirms an address (openscouter 7).

use harness::{
    Bench,
    openscouter::{one_time, person, post},
    snapshot,
};
use serde_json::json;
use shared::model::{Role, TokenKind};

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let token = one_time(&bench, "dana@example.com", TokenKind::ScouterVerify).await;
    let answer = post(&bench, "/api/auth/verify-email", &[], &json!({"token": token})).await;
    snapshot!("auth-verify-email", &answer);
}
