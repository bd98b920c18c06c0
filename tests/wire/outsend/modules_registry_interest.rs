//! `POST /api/modules-registry/{slug}/interest`: a vote for a module (outsend 13).

use harness::{outsend::jobs::World, snapshot};
use serde_json::json;

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let answer = world.post("/api/modules-registry/reviews/interest", &json!({"message": "please"})).await;
    snapshot!("modules-registry-interest", &answer);
}
