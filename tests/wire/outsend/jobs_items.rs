//! `GET /api/jobs/{id}/items`: a job's rows (outsend 8.1).

use harness::{outsend::jobs::World, snapshot};

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let id = world.verification(&["a@one.test", "b@nx.test"]).await;
    world.settle().await;
    let answer = world.get(&format!("/api/jobs/{id}/items?limit=10")).await;
    snapshot!("jobs-items", &answer);
}
