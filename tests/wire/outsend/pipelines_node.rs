//! `GET /api/pipelines/{id}/nodes/{node_id}`: a node of a run, with its job (outsend 14.5).

use harness::{
    outsend::{detail, jobs::World, pipelines::chain},
    snapshot,
};
use serde_json::json;

#[tokio::test]
async fn a_node_with_its_config_and_its_job() {
    let world = World::start().await;
    let made = world.pipeline(chain(30)).await;
    let path = format!("/api/pipelines/{}/nodes", made["id"].as_str().unwrap());
    let waiting = world.get(&format!("{path}/best")).await.json();
    assert_eq!((&waiting["status"], &waiting["job"]), (&json!("waiting"), &json!(null)));
    world.settle().await;
    let done = world.get(&format!("{path}/best")).await.json();
    assert_eq!((&done["status"], &done["results_count"]), (&json!("done"), &json!(4)));
    assert_eq!(done["job"]["id"], done["job_id"]);
    for (path, text) in [
        (format!("{path}/worst"), "Node not found."),
        (format!("{path}/best?run=2"), "Run not found."),
        ("/api/pipelines/x/nodes/best".to_owned(), "Pipeline not found."),
    ] {
        let missing = world.get(&path).await;
        assert_eq!((missing.status, detail(&missing).as_str()), (404, text));
    }
    let other = world.other("bob@example.com").await;
    assert_eq!(detail(&other.get(&format!("{path}/best")).await), "Pipeline not found.");
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let made = world.pipeline(chain(9)).await;
    world.settle().await;
    let answer = world.get(&format!("/api/pipelines/{}/nodes/some", made["id"].as_str().unwrap())).await;
    snapshot!("pipelines-node", &answer);
}
