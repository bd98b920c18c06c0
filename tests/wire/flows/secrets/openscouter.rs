//! No secret of OpenScouter is stored or logged (openscouter 3).

use harness::{
    Bench, log,
    openscouter::{PASSWORD, data, get, oauth::connected, one_time, person, post, sign_in, work},
};
use serde_json::{Value, json};
use shared::model::Role;

#[tokio::test]
async fn no_secret_is_stored_or_logged() {
    log();
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let session = sign_in(&bench, "dana@example.com").await;
    let refreshed =
        data(&post(&bench, "/api/auth/refresh", &[], &json!({"refreshToken": session["refreshToken"]})).await);
    let access = format!("Bearer {}", refreshed["accessToken"].as_str().unwrap());
    let headers = [("authorization", access.as_str()), ("idempotency-key", "once")];
    let made = data(&post(&bench, "/api/tokens", &headers, &json!({"name": "CI", "scopes": ["read"]})).await);
    let token = format!("Token {}", made["token"].as_str().unwrap());
    let connection = connected(&bench, &user).await;
    let magic = one_time(&bench, "dana@example.com", shared::model::TokenKind::Magic).await;
    for credential in [&access, &token, &connection] {
        assert_eq!(get(&bench, "/api/auth/me", credential).await.status, 200);
    }
    get(&bench, &format!("/api/auth/callback?state={magic}&code={magic}"), "").await;
    assert_eq!(post(&bench, "/api/auth/magic-link/verify", &[], &json!({"token": magic})).await.status, 200);
    work(&bench).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let bare = |credential: &str| credential.split_once(' ').unwrap().1.to_owned();
    let secrets = [
        PASSWORD.to_owned(),
        text(&session["refreshToken"]),
        text(&refreshed["refreshToken"]),
        text(&session["accessToken"]),
        bare(&access),
        bare(&token),
        bare(&connection),
        magic,
    ];
    let mut texts = log().lines();
    for table in ["main", "hot"] {
        texts.extend(bench.items(table).await.unwrap());
    }
    assert!(texts.iter().any(|text| text.contains("$argon2id$")), "the user is among what was read");
    assert!(texts.iter().any(|text| text.contains("S(\"CONN#")), "the connection is among what was read");
    assert!(texts.iter().any(|text| text.contains("/api/auth/magic-link/verify")), "so is the log");
    for secret in secrets {
        let found: Vec<_> = texts.iter().filter(|text| text.contains(&secret)).collect();
        assert!(found.is_empty(), "{found:?}");
    }
}
