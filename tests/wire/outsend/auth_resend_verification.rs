//! `POST /api/auth/resend-verification`: sends the verification mail again (outsend 6.2).

use harness::{
    Bench,
    outsend::{post, signed_up},
    snapshot,
};
use serde_json::json;

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let session = signed_up(&bench, "dana@example.com").await;
    let answer = post(&bench, "/api/auth/resend-verification", &[("cookie", &session)], &json!({})).await;
    snapshot!("auth-resend-verification", &answer);
}
