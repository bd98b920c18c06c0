//! `POST /api/pipelines/{id}/cancel`: ends all active runs of a pipeline (outsend 14.5).

use harness::{
    outsend::{
        detail,
        jobs::World,
        pipelines::{chain, outcome},
    },
    snapshot,
};
use serde_json::json;

#[tokio::test]
async fn what_waits_is_skipped_and_what_is_over_stays() {
    let world = World::start().await;
    let made = world.pipeline(chain(30)).await;
    let path = format!("/api/pipelines/{}/cancel", made["id"].as_str().unwrap());
    world.react().await;
    let answer = world.post(&path, &json!({})).await;
    assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("cancelled")), "{}", answer.body);
    let expected = ["\"in\" \"cancelled\" 0 0 null", "\"some\" \"skipped\" 0 0 null", "\"best\" \"skipped\" 0 0 null"];
    assert_eq!(outcome(&answer.json()), expected);
    let job = made["nodes"][0]["job_id"].as_str().unwrap();
    assert_eq!(world.get(&format!("/api/jobs/{job}")).await.json()["status"], "cancelled");
    world.settle().await;
    assert_eq!(world.post(&path, &json!({})).await.body, answer.body, "nothing is active");
    assert_eq!(world.get("/api/jobs").await.json().as_array().unwrap().len(), 1, "no child was made");
    let other = world.other("bob@example.com").await;
    let foreign = other.post(&path, &json!({})).await;
    assert_eq!((foreign.status, detail(&foreign).as_str()), (404, "Pipeline not found."));
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let made = world.pipeline(chain(9)).await;
    let answer = world.post(&format!("/api/pipelines/{}/cancel", made["id"].as_str().unwrap()), &json!({})).await;
    snapshot!("pipelines-cancel", &answer);
}
