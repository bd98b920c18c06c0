//! `GET /api/jobs/{id}/report`: the report of a placement check (outsend 12.16).

use harness::{outsend::jobs::World, snapshot};

#[tokio::test]
async fn has_no_file() {
    let world = World::start().await;
    let id = world.verification(&["a@one.test", "b@nx.test"]).await;
    world.settle().await;
    let answer = world.get(&format!("/api/jobs/{id}/report")).await;
    snapshot!("jobs-report", &answer);
}
