//! What requests cost: round trips and items, from the canonical line of the log.

use harness::{Bench, fixture_study, log};
use serde_json::Value;
use shared::{
    clock::from_epoch_micros,
    lambda::Function,
    model::{Plan, Study, StudyId},
};
use time::Duration;

const MANY: u32 = 3_000;

async fn cost(bench: &Bench, function: &'static dyn Function, method: &str, url: &str, key: &str) -> (u64, Value) {
    let id = uuid::Uuid::new_v4().to_string();
    let authorization = format!("Api-Key {key}");
    let headers = [
        ("authorization", authorization.as_str()),
        ("x-request-id", id.as_str()),
        ("content-type", "application/json"),
    ];
    let answer = bench.send(function, method, url, &headers, br#"{"completion_url":"https://a.test/"}"#).await.unwrap();
    let line = log().of(&id).pop().unwrap();
    (answer.status, line)
}

async fn many(bench: &Bench) -> harness::Fixture {
    let fixture = bench.organization(Plan::Free).await.unwrap();
    let base = fixture_study(fixture.organization, 0).unwrap();
    let study = |number: u32| Study {
        id: StudyId::generate(),
        created_at: from_epoch_micros(1_700_000_000_000_000 + i64::from(number) * 1_000_000).unwrap(),
        ..base.clone()
    };
    let studies: Vec<_> = (0..MANY).map(study).collect();
    assert!(bench.context.store().create_studies(&studies).await.unwrap().is_empty());
    fixture
}

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
            let (status, line) = cost(&bench, retrieve, "GET", url, &fixture.full).await;
            assert_eq!(status, 200, "{round} {request}");
            assert!(line["store.sequential"].as_u64().unwrap() <= 2, "{line}");
            assert!(line["store.items_read"].as_u64().unwrap() <= 2, "{line}");
        }
        bench.advance(Duration::seconds(61));
    }
    let (status, line) = cost(&bench, &outset_studies_update::FUNCTION, "PATCH", url, &fixture.full).await;
    assert_eq!(status, 200);
    assert!(line["store.sequential"].as_u64().unwrap() <= 3, "{line}");
}

#[tokio::test]
async fn every_page_costs_the_same() {
    log();
    let bench = Bench::with(&[("OUTSCOUT_OUTSET_LIMIT_FREE", "0")]).await.unwrap();
    let fixture = many(&bench).await;
    let list = &outset_studies_list::FUNCTION;
    for query in [
        "page=1",
        "page=150",
        "page=300",
        "page=last",
        "active=true&page=299",
        "status=open&page=2",
        "page=7&page_size=100",
    ] {
        for pass in ["cold", "warm"] {
            let (status, line) = cost(&bench, list, "GET", &format!("/v1/studies/?{query}"), &fixture.full).await;
            assert_eq!(status, 200, "{query}");
            let sequential = line["store.sequential"].as_u64().unwrap();
            let most = if pass == "cold" { 4 } else { 2 };
            assert!(sequential <= most, "{query} {pass}: {line}");
            let size = if query.contains("page_size") { 100 } else { 10 };
            assert!(line["store.items_read"].as_u64().unwrap() <= size + 5, "{query} {pass}: {line}");
        }
    }
}
