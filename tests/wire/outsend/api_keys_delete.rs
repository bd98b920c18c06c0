//! `DELETE /api/api-keys/{key_id}`: revokes an API key (outsend 6.5).

use harness::{
    Bench,
    outsend::{confirmed, new_key, send},
    snapshot,
};
use serde_json::json;

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let session = confirmed(&bench, "dana@example.com").await;
    let key = new_key(&bench, &session, &json!({"name": "CI"})).await.json();
    let path = format!("/api/api-keys/{}", key["id"].as_str().unwrap());
    let answer = send(&bench, "DELETE", &path, &[("cookie", &session)], "").await;
    snapshot!("api-keys-delete", &answer);
}
