//! `GET /api/pipelines/schema`: the blocks that a definition is made of (outsend 14.5).

use harness::{outsend::jobs::World, snapshot};

#[tokio::test]
async fn the_schema_is_public_and_has_every_block() {
    let world = World::start().await;
    let answer = world.call("GET", "/api/pipelines/schema", &[], "").await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "public, max-age=60"));
    let blocks = answer.json()["blocks"].as_array().unwrap().clone();
    assert_eq!(blocks.len(), 17);
    assert!(blocks.iter().all(|block| block["type"] != "delivery_check" && block["config_schema"]["type"] == "object"));
    let roots: Vec<_> = blocks.iter().filter(|block| block["accepts"] == "none").map(|block| &block["type"]).collect();
    assert_eq!(roots, ["scrap", "import"]);
    assert!(world.get("/api/pipelines/schema").await.header("ratelimit-policy").starts_with("\"free\""));
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let answer = world.call("GET", "/api/pipelines/schema", &[], "").await;
    snapshot!("pipelines-schema", &answer);
}
