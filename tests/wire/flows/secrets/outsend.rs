//! No secret of Outsend is stored or logged.

use harness::{
    log,
    mails::{World, token},
    outsend::cookie,
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_stored_or_logged() {
    let world = World::start().await;
    let password = "hunter2 and a tail";
    let body = json!({"email": "dana@example.com", "password": password, "accept_responsibility": true});
    let session = cookie(&world.post("/api/auth/signup", &[], &body).await);
    let caller = [("Cookie", session.as_str())];
    let verify = token(&world.mails(1).await[0], "/verify-email");
    world.post("/api/auth/password/reset-request", &[], &json!({"email": "dana@example.com"})).await;
    let reset = token(&world.mails(2).await[1], "/reset-password");
    let verified = world.post("/api/auth/verify-email", &caller, &json!({"token": verify})).await;
    let renewed = cookie(&verified);
    let caller = [("Cookie", renewed.as_str())];
    let key = world.post("/api/api-keys", &caller, &json!({"name": "CI"})).await.json()["key"].clone();
    let login = world.post("/api/auth/login", &[], &json!({"email": "dana@example.com", "password": password})).await;
    let second = cookie(&login);
    world.nothing_waits().await;
    let secrets = [
        password,
        session.strip_prefix("outsend_session=").unwrap(),
        renewed.strip_prefix("outsend_session=").unwrap(),
        second.strip_prefix("outsend_session=").unwrap(),
        key.as_str().unwrap(),
        &verify,
        &reset,
    ];
    let mut texts = log().lines();
    let settings = world.0.context.settings();
    for endpoint in [&settings.store.endpoint, &settings.store.windows_endpoint] {
        for table in ["main", "hot"] {
            texts.extend(harness::stored(settings, endpoint.as_deref().unwrap(), table).await.unwrap());
        }
    }
    assert!(texts.iter().any(|text| text.contains("$argon2id$")), "the user is among what was read");
    assert!(texts.iter().any(|text| text.contains("/api/auth/verify-email")), "the log is among what was read");
    for secret in secrets {
        let found: Vec<_> = texts.iter().filter(|text| text.contains(secret)).collect();
        assert!(found.is_empty(), "{found:?}");
    }
    world.0.shutdown().await;
}
