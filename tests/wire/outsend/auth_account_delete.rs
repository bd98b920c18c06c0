//! `DELETE /api/auth/account`: removes the account and all that hangs on it (outsend 6.2).

use harness::{
    Bench,
    outsend::{PASSWORD, send, signed_up},
    snapshot,
};
use serde_json::json;

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let session = signed_up(&bench, "dana@example.com").await;
    let body = json!({"password": PASSWORD}).to_string();
    let answer = send(&bench, "DELETE", "/api/auth/account", &[("cookie", &session)], &body).await;
    snapshot!("auth-account-delete", &answer);
}
