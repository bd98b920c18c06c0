//! `GET /v1/studies/`: one page of the caller's studies (outset 8).

use harness::{
    Bench, Fixture, fixture_study, log,
    outset::{self, LIST, World, error},
    snapshot,
};
use shared::{
    clock::from_epoch_micros,
    model::{Plan, Study, StudyId},
};

#[tokio::test]
async fn lists_and_their_links() {
    let world = World::new().await;
    let one = world.get(LIST, "/v1/studies/?page=1&page_size=1").await;
    assert_eq!(
        one.body,
        r#"{"count":25,"next":"https://api.test/v1/studies/?page=2&page_size=1","previous":null,"results":[{"id":"0b5e7c1a-4d2f-4e8c-9a6b-000000000024","active":true,"completion_url":null,"name":"Study 24","status":"open","created_at":"2025-07-01T12:24:00Z","updated_at":"2025-07-01T12:24:00Z","share_url":"https://api.test/interviews/public-surveys/0b5e7c1a-4d2f-4e8c-9a6b-000000000024/start/"}]}"#
    );
    let two = world.get(LIST, "/v1/studies/?page=2&page_size=10").await.json();
    assert_eq!(two["results"][0]["name"], "Study 14");
    assert_eq!(two["results"][9]["name"], "Study 05");
    assert_eq!(two["previous"], "https://api.test/v1/studies/?page_size=10");
    let last = world.get(LIST, "/v1/studies/?page=last&page_size=0").await.json();
    assert_eq!((last["results"].as_array().unwrap().len(), &last["next"]), (5, &serde_json::Value::Null));
    assert_eq!(world.get(LIST, "/v1/studies/?page_size=500").await.json()["results"].as_array().unwrap().len(), 25);
    let beyond = world.get(LIST, "/v1/studies/?page=99").await;
    assert_eq!((beyond.status, beyond.body), (404, error("null", "not_found", "Invalid page.")));
    for (query, count) in [
        ("active=true", 13),
        ("status=paused", 10),
        ("status=draft,closed", 2),
        ("search=study%2007", 1),
        ("created_after=2025-07-01T12:20:00Z", 4),
    ] {
        assert_eq!(world.get(LIST, &format!("/v1/studies/?{query}")).await.json()["count"], count, "{query}");
    }
    assert_eq!(world.get(LIST, "/v1/studies/?active=maybe").await.status, 400);
}

const MANY: u32 = 3_000;

async fn many(bench: &Bench) -> Fixture {
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
            let (status, cost) =
                outset::cost(&bench, list, "GET", &format!("/v1/studies/?{query}"), &fixture.full).await;
            assert_eq!(status, 200, "{query}");
            let most = if pass == "cold" { 4 } else { 2 };
            assert!(cost.sequential <= most, "{query} {pass}: {cost:?}");
            let size = if query.contains("page_size") { 100 } else { 10 };
            assert!(cost.items_read <= size + 5, "{query} {pass}: {cost:?}");
        }
    }
}

#[tokio::test]
async fn succeeds() {
    let world = World::new().await;
    let answer = world.get(LIST, "/v1/studies/?page=2&page_size=2").await;
    snapshot!("studies-list", &answer);
}
