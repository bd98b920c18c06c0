//! `POST /api/auth/logout`: ends the session (outsend 6.2).

use harness::{
    Bench,
    outsend::{send, signed_up},
    snapshot,
};

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let session = signed_up(&bench, "dana@example.com").await;
    let answer = send(&bench, "POST", "/api/auth/logout", &[("cookie", &session)], "").await;
    snapshot!("auth-logout", &answer);
}
