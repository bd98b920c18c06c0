//! `DELETE /api/tokens/:id`: revokes an API token (openscouter 8).

use harness::{
    Bench,
    openscouter::{bearer, new_token_of, person, send},
    snapshot,
};
use shared::model::Role;

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let dana = bearer(&bench, "dana@example.com").await;
    let token = new_token_of(&bench, &dana, &["read"]).await;
    let path = format!("/api/tokens/{}", token["tokenId"].as_str().unwrap());
    let answer = send(&bench, "DELETE", &path, &[("authorization", &dana)], "").await;
    snapshot!("tokens-delete", &answer);
}
