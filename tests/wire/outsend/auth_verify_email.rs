//! `POST /api/auth/verify-email`: verifies an address with the token of a mail (outsend 6.2).

use harness::{
    Bench,
    openscouter::one_time,
    outsend::{post, signed_up},
    snapshot,
};
use serde_json::json;
use shared::model::TokenKind;

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    signed_up(&bench, "dana@example.com").await;
    let token = one_time(&bench, "dana@example.com", TokenKind::Verify).await;
    let answer = post(&bench, "/api/auth/verify-email", &[], &json!({"token": token})).await;
    snapshot!("auth-verify-email", &answer);
}
