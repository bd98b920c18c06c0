//! `POST /api/auth/password/reset-request`: asks for a mail that sets a new password (outsend 6.2).

use harness::{
    Bench,
    outsend::{post, signed_up},
    snapshot,
};
use serde_json::json;

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    signed_up(&bench, "dana@example.com").await;
    let body = json!({"email": "dana@example.com"});
    let answer = post(&bench, "/api/auth/password/reset-request", &[], &body).await;
    snapshot!("auth-password-reset-request", &answer);
}
