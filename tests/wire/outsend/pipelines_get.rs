//! `GET /api/pipelines/{id}`: a pipeline with a run of it (outsend 14.5).

use harness::{
    log,
    outsend::{detail, jobs::World, pipelines::chain},
    snapshot,
};
use serde_json::json;

#[tokio::test]
async fn runs_are_found_by_number_and_nobody_else_sees_them() {
    log();
    let world = World::start().await;
    let made = world.pipeline(chain(30)).await;
    let id = made["id"].as_str().unwrap();
    let path = format!("/api/pipelines/{id}");
    world.cost(&path).await;
    let active = world.cost(&path).await;
    assert!(active.sequential <= 2 && active.calls <= 6, "{active:?}");
    world.settle().await;
    let over = world.cost(&path).await;
    assert!(over.sequential == 1 && over.items_read <= 6, "{over:?}");
    let first = world.get(&path).await.json();
    let again = world.post(&format!("{path}/run"), &json!({})).await.json();
    assert_eq!((&again["run"], &again["run_count"]), (&json!(2), &json!(2)));
    let now = world.get(&format!("{path}?run=1")).await.json();
    assert_eq!((&now["status"], &now["nodes"], &now["run_count"]), (&first["status"], &first["nodes"], &json!(2)));
    assert_eq!(world.get(&path).await.json()["run"], 2);
    let missing = world.get(&format!("{path}?run=3")).await;
    assert_eq!((missing.status, detail(&missing).as_str()), (404, "Run not found."));
    for (query, message) in [("run=x", "Must be an integer."), ("run=0", "Must be 1 or more.")] {
        let wrong = world.get(&format!("{path}?{query}")).await;
        assert_eq!((wrong.status, &wrong.json()["errors"]), (422, &json!([{"field": "run", "message": message}])));
    }
    let other = world.other("bob@example.com").await;
    for path in [path.as_str(), "/api/pipelines/nonsense", "/api/pipelines/5b1d1f0e-3c55-4e0a-9d7b-2f6a0c9e4b11"] {
        let foreign = other.get(path).await;
        assert_eq!((foreign.status, detail(&foreign).as_str()), (404, "Pipeline not found."));
    }
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let made = world.pipeline(chain(9)).await;
    world.settle().await;
    let answer = world.get(&format!("/api/pipelines/{}", made["id"].as_str().unwrap())).await;
    snapshot!("pipelines-get", &answer);
}
