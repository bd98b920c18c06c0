//! `GET /api/auth/me`: who is calling (openscouter 7).

use harness::{
    Bench, log,
    openscouter::{bearer, cost, data, get, oauth::connected, person, post},
    snapshot,
};
use serde_json::json;
use shared::model::Role;

#[tokio::test]
async fn a_warm_request_is_one_round_trip() {
    harness::binaries::linked(async {
        log();
        let bench = Bench::start().await.unwrap();
        let user = person(&bench, Role::Business, "dana@example.com").await;
        let access = bearer(&bench, "dana@example.com").await;
        let connection = connected(&bench, &user).await;
        let created =
            post(&bench, "/api/tokens", &[("authorization", &access)], &json!({"name": "CI", "scopes": ["read"]}))
                .await;
        let token = format!("Token {}", data(&created)["token"].as_str().unwrap());
        // what counts for an organization is counted when a new process knows which one it is
        for (kind, credential, cold) in [("JWT", &access, 1), ("token", &token, 4), ("connection", &connection, 4)] {
            for turn in 0..4 {
                let cost = cost(&bench, credential, "/api/auth/me").await;
                let most = if turn == 0 { cold } else { 1 };
                assert!(cost.sequential <= most, "{kind} {turn}: {cost:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let dana = bearer(&bench, "dana@example.com").await;
    let answer = get(&bench, "/api/auth/me", &dana).await;
    snapshot!("auth-me", &answer);
}
