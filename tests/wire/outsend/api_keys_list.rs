//! `GET /api/api-keys`: the caller's API keys (outsend 6.5).

use harness::{
    Bench,
    outsend::{PASSWORD, confirmed, cookie, me, new_key, post, send},
    snapshot,
};
use serde_json::json;
use time::Duration;

#[tokio::test]
async fn a_key_expires_and_is_listed_for_a_month() {
    let bench = Bench::start().await.unwrap();
    let session = confirmed(&bench, "dana@example.com").await;
    let made = new_key(&bench, &session, &json!({"name": "short", "expires_in_days": 1})).await;
    let plain = made.json()["key"].as_str().unwrap().to_owned();
    assert_eq!(me(&bench, &[("x-api-key", &plain)]).await.status, 200);
    bench.advance(Duration::days(1));
    assert_eq!(me(&bench, &[("x-api-key", &plain)]).await.status, 401);
    let listed = async || {
        let login = json!({"email": "dana@example.com", "password": PASSWORD});
        let session = cookie(&post(&bench, "/api/auth/login", &[], &login).await);
        send(&bench, "GET", "/api/api-keys", &[("cookie", &session)], "").await.json()["api_keys"].clone()
    };
    bench.advance(Duration::days(29));
    assert_eq!(listed().await.as_array().unwrap().len(), 1);
    bench.advance(Duration::days(1));
    assert_eq!(listed().await, json!([]));
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let session = confirmed(&bench, "dana@example.com").await;
    new_key(&bench, &session, &json!({"name": "CI"})).await;
    let answer = send(&bench, "GET", "/api/api-keys", &[("cookie", &session)], "").await;
    snapshot!("api-keys-list", &answer);
}
