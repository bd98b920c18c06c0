//! `POST /api/oauth/revoke`: ends a connection (openscouter 8.1).

use harness::{
    Bench,
    openscouter::{
        bearer, get,
        oauth::{API, begin, code, exchange, form, me, refresh, register, rfc},
        person,
    },
    snapshot,
};
use shared::model::Role;
use time::Duration;

#[tokio::test]
async fn a_connection_ends_for_its_own_client() {
    let bench = Bench::start().await.unwrap();
    let client = register(&bench).await;
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let dana = bearer(&bench, "dana@example.com").await;
    let default = code(&bench, &client, &user, None).await;
    let mcp = exchange(&bench, &client, &default).await.json();
    bench.advance(Duration::seconds(61));
    let revoke = async |token: &str, client: &str| {
        form(&bench, "/api/oauth/revoke", &[("token", token), ("client_id", client)]).await
    };
    for unknown in ["x", "osat_x", &format!("osrt_{}", "A".repeat(43))] {
        let answer = revoke(unknown, &client).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{unknown}");
    }
    let other = register(&bench).await;
    let token = mcp["refresh_token"].as_str().unwrap();
    assert_eq!(revoke(token, &other).await.status, 200);
    assert_eq!(get(&bench, "/api/connections", &dana).await.json()["metadata"]["total"], 1, "another client's is kept");
    assert_eq!(rfc(&revoke("", &client).await), (400, "invalid_request".to_owned()));
    assert_eq!(revoke(token, &client).await.status, 200);
    assert_eq!(get(&bench, "/api/connections", &dana).await.json()["metadata"]["total"], 0);
    let late = code(&bench, &client, &user, API).await;
    let tokens = exchange(&bench, &client, &late).await.json();
    bench.advance(Duration::hours(1));
    assert_eq!(me(&bench, &tokens).await.status, 401, "an access token lives an hour");
    assert_eq!(refresh(&bench, &client, &tokens["refresh_token"], None).await.status, 200);
    bench.advance(Duration::days(91));
    assert_eq!(begin(&bench, &client, &[]).await.status, 400, "a client that nobody used for 90 days is gone");
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let client = register(&bench).await;
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let code = code(&bench, &client, &user, API).await;
    let tokens = exchange(&bench, &client, &code).await.json();
    let fields = [("token", tokens["refresh_token"].as_str().unwrap()), ("client_id", client.as_str())];
    let answer = form(&bench, "/api/oauth/revoke", &fields).await;
    snapshot!("oauth-revoke", &answer);
    assert_eq!(me(&bench, &tokens).await.status, 401, "both of its tokens are dead");
}
