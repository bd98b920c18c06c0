//! `POST /api/api-keys`: makes an API key (outsend 6.5).

use std::sync::Arc;

use harness::{
    Bench,
    outsend::{confirmed, detail, me, new_key, new_key_with, send, signed_up},
    snapshot,
};
use serde_json::{Value, json};

#[tokio::test]
async fn a_key_s_life() {
    let bench = Bench::start().await.unwrap();
    let session = confirmed(&bench, "dana@example.com").await;
    let caller = [("cookie", session.as_str())];
    let made = new_key(&bench, &session, &json!({"name": " CI ", "scopes": ["read"], "expires_in_days": 1})).await;
    let mut object = made.json();
    let plain = object["key"].as_str().unwrap().to_owned();
    assert_eq!((made.status, plain.len()), (200, 47));
    assert_eq!((object["name"].as_str(), object["prefix"].as_str()), (Some("CI"), Some(&plain[..12])));
    assert_eq!((&object["scopes"], &object["last_used_at"]), (&json!(["read"]), &Value::Null));
    let id = object["id"].as_str().unwrap().to_owned();
    let by_key = [("x-api-key", plain.as_str())];
    assert_eq!(me(&bench, &by_key).await.status, 200);
    let both = [("x-api-key", "osk_bad"), ("cookie", session.as_str())];
    assert_eq!(me(&bench, &both).await.status, 401, "the header alone decides");
    let twice = me(&bench, &[("x-api-key", &format!("{plain},{plain}"))]).await;
    assert_eq!(twice.status, 401);
    let refused = new_key_with(&bench, &by_key).await;
    assert_eq!((refused.status, detail(&refused).as_str()), (403, "API key lacks the write scope."));
    let refused = send(&bench, "GET", "/api/api-keys", &by_key, "").await;
    assert_eq!((refused.status, detail(&refused).as_str()), (403, "This endpoint requires a browser session."));
    new_key(&bench, &session, &json!({"name": "other"})).await;
    let listed = send(&bench, "GET", "/api/api-keys", &caller, "").await;
    let keys = listed.json()["api_keys"].as_array().unwrap().clone();
    assert_eq!(keys.iter().map(|key| key["name"].as_str().unwrap()).collect::<Vec<_>>(), ["other", "CI"]);
    assert!(keys[1]["last_used_at"].as_str() >= keys[1]["created_at"].as_str(), "{}", keys[1]);
    assert!(keys[1]["last_used_at"].is_string());
    object.as_object_mut().unwrap().remove("key");
    object["last_used_at"] = keys[1]["last_used_at"].clone();
    assert_eq!(keys[1], object);
    assert!(!listed.body.contains(&plain));

    let path = format!("/api/api-keys/{}", id.to_lowercase());
    let stranger = signed_up(&bench, "eve@example.com").await;
    let foreign = send(&bench, "DELETE", &path, &[("cookie", &stranger)], "").await;
    assert_eq!((foreign.status, detail(&foreign).as_str()), (404, "API key not found."));
    assert_eq!(send(&bench, "DELETE", "/api/api-keys/nope", &caller, "").await.status, 404);
    assert_eq!(send(&bench, "DELETE", &path, &caller, "").await.body, r#"{"ok":true}"#);
    assert_eq!(me(&bench, &by_key).await.status, 401, "refused from the next request on");
    assert_eq!(send(&bench, "DELETE", &path, &caller, "").await.status, 404);
}

#[tokio::test]
async fn wrong_keys_are_not_made() {
    let bench = Bench::start().await.unwrap();
    let session = confirmed(&bench, "dana@example.com").await;
    for (body, field, message) in [
        (json!({}), "name", "Field is required."),
        (json!({"name": "  "}), "name", "Must have 1 to 80 characters."),
        (json!({"name": "x".repeat(81)}), "name", "Must have 1 to 80 characters."),
        (json!({"name": "k", "scopes": "read"}), "scopes", "Must be a list."),
        (json!({"name": "k", "scopes": []}), "scopes", "Must have 1 to 2 entries."),
        (json!({"name": "k", "scopes": ["admin"]}), "scopes.0", "Must be one of: read, write."),
        (json!({"name": "k", "scopes": ["read", "read"]}), "scopes.1", "Invalid format."),
        (json!({"name": "k", "expires_in_days": 0}), "expires_in_days", "Must be between 1 and 365."),
        (json!({"name": "k", "expires_in_days": 1.5}), "expires_in_days", "Must be an integer."),
    ] {
        let answer = new_key(&bench, &session, &body).await;
        let errors = json!([{"field": field, "message": message}]);
        assert_eq!((answer.status, &answer.json()["errors"]), (422, &errors), "{body}");
    }
}

#[tokio::test]
async fn twenty_keys_and_no_more_however_many_ask() {
    let bench = Arc::new(Bench::start().await.unwrap());
    let session = confirmed(&bench, "dana@example.com").await;
    for _ in 0..15 {
        assert_eq!(new_key(&bench, &session, &json!({"name": "k"})).await.status, 200);
    }
    let mut tasks = Vec::new();
    for _ in 0..20 {
        let (bench, session) = (Arc::clone(&bench), session.clone());
        tasks.push(tokio::spawn(async move { new_key(&bench, &session, &json!({"name": "k"})).await }));
    }
    let mut made = 0;
    for task in tasks {
        let answer = task.await.unwrap();
        if answer.status == 200 {
            made += 1;
        } else {
            assert_eq!((answer.status, detail(&answer).as_str()), (400, "Limit reached: 20 API keys."));
        }
    }
    assert_eq!(made, 5);
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let session = confirmed(&bench, "dana@example.com").await;
    let body = json!({"name": "CI", "scopes": ["read"], "expires_in_days": 1});
    let answer = new_key(&bench, &session, &body).await;
    snapshot!("api-keys-create", &answer);
}
