//! `DELETE /api/pipelines/{id}`: removes a pipeline with its runs; their jobs stay (outsend 14.5).

use harness::{
    outsend::{detail, jobs::World, pipelines::chain},
    snapshot,
};
use serde_json::json;

#[tokio::test]
async fn its_jobs_stay_and_nothing_else_does() {
    let world = World::start().await;
    let made = world.pipeline(chain(30)).await;
    let path = format!("/api/pipelines/{}", made["id"].as_str().unwrap());
    let early = world.delete(&path).await;
    assert_eq!((early.status, detail(&early).as_str()), (400, "Pipeline is still running."));
    world.settle().await;
    let other = world.other("bob@example.com").await;
    assert_eq!(other.delete(&path).await.status, 404);
    assert_eq!(world.delete(&path).await.body, r#"{"ok":true}"#);
    let again = world.delete(&path).await;
    assert_eq!((again.status, detail(&again).as_str()), (404, "Pipeline not found."));
    assert_eq!(world.get(&path).await.status, 404);
    world.settle().await;
    assert!(world.bench.items("main").await.unwrap().iter().all(|item| !item.contains("PIPE#")));
    let jobs = world.get("/api/jobs").await.json();
    assert_eq!(jobs.as_array().unwrap().len(), 3);
    assert_eq!(jobs[0]["pipeline_id"], made["id"], "the dangling id");
}

#[tokio::test]
async fn a_node_keeps_what_its_deleted_job_came_to() {
    let world = World::start().await;
    let made = world.pipeline(chain(30)).await;
    world.settle().await;
    let before = world.pipeline_now(&made["id"]).await;
    let job = before["nodes"][1]["job_id"].as_str().unwrap();
    assert_eq!(world.delete(&format!("/api/jobs/{job}")).await.status, 200);
    assert_eq!(world.pipeline_now(&made["id"]).await, before);
    let node = world.get(&format!("/api/pipelines/{}/nodes/some", made["id"].as_str().unwrap())).await.json();
    assert_eq!((&node["status"], &node["job"]), (&json!("done"), &json!(null)));
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let made = world.pipeline(chain(9)).await;
    world.settle().await;
    let answer = world.delete(&format!("/api/pipelines/{}", made["id"].as_str().unwrap())).await;
    snapshot!("pipelines-delete", &answer);
}
