//! `POST /api/auth/magic-link/verify`: a one-time token for tokens (openscouter 7).

use harness::{
    Bench,
    openscouter::{data, get, one_time, person, post, told},
    snapshot,
};
use serde_json::{Value, json};
use shared::model::{Role, TokenKind};
use time::Duration;

#[tokio::test]
async fn a_magic_link_signs_in_once() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Tester, "tess@example.com").await;
    let token = one_time(&bench, "tess@example.com", TokenKind::Magic).await;
    let verify = async |token: &str| post(&bench, "/api/auth/magic-link/verify", &[], &json!({"token": token})).await;
    let session = data(&verify(&token).await);
    assert_eq!((&session["user"]["status"], &session["user"]["organization"]), (&json!("pending"), &Value::Null));
    assert_eq!(verify(&token).await.status, 422);
    let late = one_time(&bench, "tess@example.com", TokenKind::Magic).await;
    bench.advance(Duration::minutes(15));
    assert_eq!(told(&verify(&late).await), (422, "token: is invalid or expired".to_owned()));
    let access = format!("Bearer {}", session["accessToken"].as_str().unwrap());
    assert_eq!(data(&get(&bench, "/api/auth/me", &access).await)["role"], "tester");
}

#[tokio::test]
async fn a_link_lives_to_its_last_millisecond() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Tester, "tess@example.com").await;
    // late in a second, so that the end of the link lies in the same second as what is asked before it
    let now = bench.context.clock().now();
    bench.advance(Duration::milliseconds(1_700 - i64::from(now.millisecond())));
    let token = one_time(&bench, "tess@example.com", TokenKind::Magic).await;
    bench.advance(Duration::minutes(15) - Duration::milliseconds(500));
    let answer = post(&bench, "/api/auth/magic-link/verify", &[], &json!({"token": token})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let token = one_time(&bench, "dana@example.com", TokenKind::Magic).await;
    let answer = post(&bench, "/api/auth/magic-link/verify", &[], &json!({"token": token})).await;
    snapshot!("auth-magic-link-verify", &answer);
}
