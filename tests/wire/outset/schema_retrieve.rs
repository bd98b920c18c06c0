//! `GET /v1/schema/`: the OpenAPI document (outset 11).

use harness::{
    outset::{SCHEMA, World},
    snapshot,
};

#[tokio::test]
async fn the_schema_is_one_document_in_two_notations() {
    let world = World::new().await;
    let yaml = world.open(SCHEMA, "GET", "/v1/schema/", &[]).await;
    assert_eq!(yaml.header("content-type"), "application/vnd.oai.openapi; charset=utf-8");
    assert!(yaml.body.starts_with("openapi: 3.0.3\n"));
    let json = world.open(SCHEMA, "GET", "/v1/schema/", &[("accept", "application/json")]).await;
    assert_eq!((json.header("content-type"), json.header("vary")), ("application/json", "Accept"));
    assert_eq!(json.json()["servers"][0]["url"], "https://api.test");
    assert_eq!(yaml_serde::from_str::<serde_json::Value>(&yaml.body).unwrap(), json.json());
    assert_eq!(world.open(SCHEMA, "GET", "/v1/schema/?format=xml", &[]).await.status, 404);
    assert_eq!(world.open(SCHEMA, "GET", "/v1/schema/", &[("accept", "text/html")]).await.status, 406);
    assert_eq!(world.open(SCHEMA, "POST", "/v1/schema/", &[]).await.status, 405);
}

#[tokio::test]
async fn succeeds() {
    let world = World::new().await;
    let mut answer = world.open(SCHEMA, "GET", "/v1/schema/", &[]).await;
    // the document itself is `openapi/outset.yaml`
    answer.body = answer.body.lines().take(3).collect::<Vec<_>>().join("\n");
    snapshot!("schema-retrieve", &answer);
}
