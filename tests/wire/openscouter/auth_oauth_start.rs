//! `GET /api/auth/oauth/:provider/start`: sends a browser to a log-in provider (openscouter 7).

use harness::{
    openscouter::{provider, send},
    snapshot,
};

#[tokio::test]
async fn succeeds() {
    let (bench, _) = provider::start().await;
    let answer = send(&bench, "GET", "/api/auth/oauth/google/start?role=business", &[], "").await;
    snapshot!("auth-oauth-start", &answer);
}
