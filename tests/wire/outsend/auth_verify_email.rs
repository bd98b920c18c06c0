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

#[tokio::test]
async fn what_was_pasted_around_the_token_does_not_matter() {
    let bench = Bench::start().await.unwrap();
    signed_up(&bench, "dana@example.com").await;
    let token = one_time(&bench, "dana@example.com", TokenKind::Verify).await;
    let inside = format!("{} {}", &token[..9], &token[9..]);
    assert!(post(&bench, "/api/auth/verify-email", &[], &json!({"token": inside})).await.status >= 400);
    let pasted = format!(" \u{a0}{token}\r\n");
    let answer = post(&bench, "/api/auth/verify-email", &[], &json!({"token": pasted})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}
