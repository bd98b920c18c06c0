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

#[tokio::test]
async fn what_was_pasted_around_the_token_does_not_matter() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let token = one_time(&bench, "dana@example.com", TokenKind::ScouterVerify).await;
    let inside = format!("{} {}", &token[..9], &token[9..]);
    assert!(post(&bench, "/api/auth/verify-email", &[], &json!({"token": inside})).await.status >= 400);
    let pasted = format!(" \u{a0}{token}\r\n");
    let answer = post(&bench, "/api/auth/verify-email", &[], &json!({"token": pasted})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}
