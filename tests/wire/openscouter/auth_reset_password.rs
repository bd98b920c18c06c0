//! `POST /api/auth/reset-password`: a new password (openscouter 7).

use harness::{
    Bench,
    openscouter::{PASSWORD, data, error, get, one_time, person, post, sign_in},
    snapshot,
};
use serde_json::json;
use shared::model::{Role, TokenKind};
use time::Duration;

#[tokio::test]
async fn a_new_password_ends_every_sign_in() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let session = sign_in(&bench, "dana@example.com").await;
    let access = format!("Bearer {}", session["accessToken"].as_str().unwrap());
    let token = one_time(&bench, "dana@example.com", TokenKind::ScouterReset).await;
    let reset = async |token: &str, password: &str| {
        post(&bench, "/api/auth/reset-password", &[], &json!({"token": token, "password": password})).await
    };
    assert_eq!(error(&reset(&token, "short").await), "password: must be at least 10 characters");
    assert_eq!(error(&reset(&token, "Dana@example.com").await), "password: is too common");
    assert_eq!(error(&reset("x", "another long phrase").await), "token: is invalid or expired");
    let verify = one_time(&bench, "dana@example.com", TokenKind::ScouterVerify).await;
    assert_eq!(error(&reset(&verify, "another long phrase").await), "token: is invalid or expired", "one purpose");
    assert_eq!(data(&reset(&token, "another long phrase").await), json!({"reset": true}));
    assert_eq!(get(&bench, "/api/auth/me", &access).await.status, 401);
    let refreshed = post(&bench, "/api/auth/refresh", &[], &json!({"refreshToken": session["refreshToken"]})).await;
    assert_eq!(refreshed.status, 401);
    let old = json!({"email": "dana@example.com", "password": PASSWORD});
    assert_eq!(post(&bench, "/api/auth/sign-in", &[], &old).await.status, 401);
    let new = json!({"email": "dana@example.com", "password": "another long phrase"});
    let signed_in = data(&post(&bench, "/api/auth/sign-in", &[], &new).await);
    let access = format!("Bearer {}", signed_in["accessToken"].as_str().unwrap());
    assert_eq!(get(&bench, "/api/auth/me", &access).await.status, 200, "in the same second, too");
    assert_eq!(reset(&token, "a third long phrase").await.status, 422, "it works once");
    let late = one_time(&bench, "dana@example.com", TokenKind::ScouterReset).await;
    bench.advance(Duration::hours(1));
    assert_eq!(reset(&late, "a third long phrase").await.status, 422);
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let token = one_time(&bench, "dana@example.com", TokenKind::ScouterReset).await;
    let answer =
        post(&bench, "/api/auth/reset-password", &[], &json!({"token": token, "password": "another long phrase"}))
            .await;
    snapshot!("auth-reset-password", &answer);
}
