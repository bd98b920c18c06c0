//! `GET /v1/studies/{id}/`: one study of the caller's organization (outset 6).

use harness::{
    Bench, log,
    outset::{self, RETRIEVE, S01, World},
    snapshot,
};
use time::Duration;

#[tokio::test]
async fn a_retrieve_is_at_most_two_round_trips_and_an_update_three() {
    log();
    let bench = Bench::start().await.unwrap();
    let fixture = bench.fixture().await.unwrap();
    let url = "/v1/studies/0b5e7c1a-4d2f-4e8c-9a6b-000000000002/";
    let retrieve = &outset_studies_retrieve::FUNCTION;
    // a fresh window, a warm one, and after a minute one that must be cleaned when it is full
    for round in 0..3 {
        for request in 0..120 {
            let (status, cost) = outset::cost(&bench, retrieve, "GET", url, &fixture.full).await;
            assert_eq!(status, 200, "{round} {request}");
            assert!(cost.sequential <= 2 && cost.items_read <= 2, "{cost:?}");
        }
        bench.advance(Duration::seconds(61));
    }
    let (status, cost) = outset::cost(&bench, &outset_studies_update::FUNCTION, "PATCH", url, &fixture.full).await;
    assert_eq!(status, 200);
    assert!(cost.sequential <= 3, "{cost:?}");
}

#[tokio::test]
async fn succeeds() {
    let world = World::new().await;
    let answer = world.get(RETRIEVE, S01).await;
    snapshot!("studies-retrieve", &answer);
}
