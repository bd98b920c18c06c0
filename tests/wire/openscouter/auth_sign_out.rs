//! `POST /api/auth/sign-out`: ends a sign-in (openscouter 7).

use harness::{
    Bench,
    openscouter::{bearer, person, post},
    snapshot,
};
use serde_json::json;
use shared::model::Role;

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let dana = bearer(&bench, "dana@example.com").await;
    let answer = post(&bench, "/api/auth/sign-out", &[("authorization", &dana)], &json!({})).await;
    snapshot!("auth-sign-out", &answer);
}
