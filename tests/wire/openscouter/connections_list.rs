//! `GET /api/connections`: the OAuth connections (openscouter 8).

use harness::{
    Bench,
    openscouter::{bearer, get, oauth::connected, person},
    snapshot,
};
use shared::model::Role;

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let dana = bearer(&bench, "dana@example.com").await;
    connected(&bench, &user).await;
    let answer = get(&bench, "/api/connections", &dana).await;
    snapshot!("connections-list", &answer);
}
