//! `GET /api/pipelines`: the caller's pipelines, newest first (outsend 14.5).

use harness::{
    log,
    outsend::{
        jobs::World,
        pipelines::{chain, definition, pasted},
    },
    snapshot,
};
use serde_json::json;
use shared::{
    model::{Pipeline, PipelineId, Trigger},
    outsend::pipelines::{first_run, judge},
};
use time::Duration;

#[tokio::test]
async fn deep_pages_cost_what_the_first_one_costs() {
    log();
    let world = World::start().await;
    let (store, now) = (world.bench.context.store(), world.bench.context.clock().now());
    let graph = definition(&[("a", "import", pasted(1))], &[]);
    let judged = judge(&graph).unwrap();
    let mut ids = Vec::new();
    for number in 0..1_200_i64 {
        let created_at = now - Duration::days(1) + Duration::seconds(number);
        let id = PipelineId::generate();
        let pipeline = Pipeline {
            id,
            user: world.account.user.id,
            name: format!("{number}"),
            created_at,
            runs: 1,
            active: vec![1],
            veilles: Vec::new(),
            version: 1,
        };
        let run = first_run(id, &world.account, &judged, Trigger::Manual, created_at).unwrap();
        store.create_pipeline(&pipeline, &run, &graph.to_string()).await.unwrap();
        ids.push(id.to_string());
    }
    ids.reverse();
    world.cost("/api/pipelines?limit=100").await;
    let first = world.cost("/api/pipelines?limit=100").await;
    assert!(first.sequential <= 4, "{first:?}");
    for offset in [500, 1_000] {
        let deep = world.cost(&format!("/api/pipelines?limit=100&offset={offset}")).await;
        assert!(
            deep.sequential <= first.sequential + 1 && deep.items_read <= first.items_read + 3,
            "{offset}: {deep:?}; at first {first:?}"
        );
    }
    let whole = world.cost("/api/pipelines").await;
    assert!(whole.sequential <= 6, "{whole:?}");
    let mut found = Vec::new();
    for offset in [0, 500, 1_000, 1_500] {
        let page = world.get(&format!("/api/pipelines?offset={offset}")).await.json();
        found.extend(page.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        assert!(page.as_array().unwrap().iter().all(|one| one.get("definition").is_none()));
    }
    assert_eq!(found, ids, "newest first, each once");
    for (query, field) in [("limit=0", "limit"), ("limit=501", "limit"), ("offset=-1", "offset"), ("limit=x", "limit")]
    {
        let answer = world.get(&format!("/api/pipelines?{query}")).await;
        assert_eq!((answer.status, answer.json()["errors"][0]["field"].as_str()), (422, Some(field)), "{query}");
    }
    let other = world.other("bob@example.com").await;
    assert_eq!(other.get("/api/pipelines").await.json(), json!([]));
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    world.pipeline(chain(9)).await;
    world.settle().await;
    let answer = world.get("/api/pipelines").await;
    snapshot!("pipelines-list", &answer);
}
