//! `DELETE /api/connections/:id`: ends an OAuth connection (openscouter 8).

use harness::{
    Bench,
    openscouter::{
        bearer, data, error, get,
        oauth::{API, begin, code, connected, exchange, form, me, refresh, register, rfc},
        person, send, told,
    },
    snapshot,
};
use serde_json::json;
use shared::model::Role;
use time::Duration;

#[tokio::test]
async fn audiences_and_connections() {
    let bench = Bench::start().await.unwrap();
    let client = register(&bench).await;
    let user = person(&bench, Role::Business, "dana@example.com").await;
    person(&bench, Role::Business, "otto@example.com").await;
    let (dana, otto) = (bearer(&bench, "dana@example.com").await, bearer(&bench, "otto@example.com").await);
    let default = code(&bench, &client, &user, None).await;
    let mcp = exchange(&bench, &client, &default).await.json();
    assert_eq!(told(&me(&bench, &mcp).await), (401, "Invalid credentials".to_owned()), "for MCP only");
    let of_api = code(&bench, &client, &user, API).await;
    let api = exchange(&bench, &client, &of_api).await.json();
    assert_eq!(me(&bench, &api).await.status, 200);
    let list = get(&bench, "/api/connections", &dana).await.json();
    assert_eq!(list["metadata"]["total"], 2);
    let newest = &list["data"][0];
    assert_eq!(
        (&newest["clientName"], &newest["audience"], &newest["scopes"], &newest["organizationId"]),
        (&json!("A <client>"), &json!(API), &json!(["read", "draft"]), &json!(user.organization.wire()))
    );
    assert!(newest["lastUsedAt"].is_string());
    let path = format!("/api/connections/{}", newest["connectionId"].as_str().unwrap());
    let delete = async |caller: &str| send(&bench, "DELETE", &path, &[("authorization", caller)], "").await;
    assert_eq!(get(&bench, "/api/connections", &otto).await.json()["metadata"]["total"], 0);
    assert_eq!(told(&delete(&otto).await), (404, "Connection not found".to_owned()));
    assert_eq!(data(&delete(&dana).await)["connectionId"], newest["connectionId"]);
    assert_eq!(error(&delete(&dana).await), "Connection not found");
    assert_eq!(me(&bench, &api).await.status, 401, "all its tokens die at once");
    assert_eq!(refresh(&bench, &client, &api["refresh_token"], None).await.status, 400);

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
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let dana = bearer(&bench, "dana@example.com").await;
    connected(&bench, &user).await;
    let listed = data(&get(&bench, "/api/connections", &dana).await);
    let path = format!("/api/connections/{}", listed[0]["connectionId"].as_str().unwrap());
    let answer = send(&bench, "DELETE", &path, &[("authorization", &dana)], "").await;
    snapshot!("connections-delete", &answer);
}
