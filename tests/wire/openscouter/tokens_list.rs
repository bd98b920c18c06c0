//! `GET /api/tokens`: the live API tokens (openscouter 8).

use harness::{
    Bench,
    openscouter::{bearer, get, new_token_of, person},
    snapshot,
};
use shared::model::Role;

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let dana = bearer(&bench, "dana@example.com").await;
    new_token_of(&bench, &dana, &["read"]).await;
    let answer = get(&bench, "/api/tokens", &dana).await;
    snapshot!("tokens-list", &answer);
}
