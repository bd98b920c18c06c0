//! `POST /api/jobs`: a job that finds places (outsend 8.2).

use harness::{outsend::jobs::World, snapshot};
use serde_json::json;

#[tokio::test]
async fn is_unavailable() {
    let world = World::start().await;
    let answer = world.post("/api/jobs", &json!({"queries": ["bakery"], "zones": ["Paris"]})).await;
    snapshot!("jobs-create", &answer);
}
