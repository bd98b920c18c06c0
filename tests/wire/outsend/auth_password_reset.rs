//! `POST /api/auth/password/reset`: sets a new password with the token of a mail (outsend 6.2).

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
    let token = one_time(&bench, "dana@example.com", TokenKind::Reset).await;
    let body = json!({"token": token, "new_password": "another 22"});
    let answer = post(&bench, "/api/auth/password/reset", &[], &body).await;
    snapshot!("auth-password-reset", &answer);
}
