//! `GET /api/jobs/{id}/download`: a job's rows as a file (outsend 9).

use harness::{outsend::jobs::World, snapshot};

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let id = world.verification(&["a@one.test", "b@nx.test"]).await;
    world.settle().await;
    let answer = world.get(&format!("/api/jobs/{id}/download?format=csv")).await;
    snapshot!("jobs-download", &answer);
}
