//! `DELETE /api/connections/:id`: ends an OAuth connection (openscouter 8).

use harness::{
    Bench,
    openscouter::{
        bearer, data, error, get,
        oauth::{API, code, connected, exchange, me, refresh, register},
        person, send, told,
    },
    snapshot,
};
use serde_json::json;
use shared::model::Role;

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
