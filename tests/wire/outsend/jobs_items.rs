//! `GET /api/jobs/{id}/items`: a job's rows (outsend 8.1).

use harness::{
    outsend::{detail, jobs::World},
    snapshot,
};
use time::Duration;

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let id = world.verification(&["a@one.test", "b@nx.test"]).await;
    world.settle().await;
    let answer = world.get(&format!("/api/jobs/{id}/items?limit=10")).await;
    snapshot!("jobs-items", &answer);
}

#[tokio::test]
async fn what_is_not_there_is_told_before_parameters() {
    let world = World::start().await;
    let id = world.verification(&["a@one.test"]).await;
    let of = async |path: &str| {
        let answer = world.get(&format!("/api/jobs/{id}/{path}")).await;
        (answer.status, detail(&answer))
    };
    let not_ready = (404, "Result file is not ready.".to_owned());
    assert_eq!(of("download?format=ods").await, not_ready);
    assert_eq!(of("items?limit=0").await.0, 422, "rows can be read while it runs");
    world.settle().await;
    assert_eq!(of("download?format=ods").await.0, 422);
    world.bench.advance(Duration::days(7) + Duration::seconds(2));
    let purged = (410, "Result file has been purged.".to_owned());
    assert_eq!(of("download?format=ods").await, purged);
    assert_eq!(of("items?limit=0").await, purged);
}
