//! `POST /api/auth/resend-verification`: the link again (openscouter 7).

use harness::{
    Bench,
    openscouter::{person, post},
    snapshot,
};
use serde_json::json;
use shared::model::Role;

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let answer = post(&bench, "/api/auth/resend-verification", &[], &json!({"email": "dana@example.com"})).await;
    snapshot!("auth-resend-verification", &answer);
}
