//! `DELETE /api/jobs/{id}`: removes a job that has ended, with its rows (outsend 8.1).

use harness::{
    outsend::{detail, jobs::World},
    snapshot,
};
use serde_json::{Value, json};
use shared::model::JobStatus;
use time::Duration;

#[tokio::test]
async fn deleting_and_expiring_leave_nothing_behind() {
    let world = World::start().await;
    let id = world.verification_of(50).await;
    for _ in 0..2 {
        let answer = world.delete(&format!("/api/jobs/{id}")).await;
        assert_eq!((answer.status, detail(&answer).as_str()), (400, "Job is still active; cancel it first."));
        world.react().await;
    }
    world.settle().await;
    let child = world.post("/api/jobs/verify-emails", &json!({"source_job_id": id})).await.json();
    world.settle().await;
    assert_eq!(world.delete(&format!("/api/jobs/{id}")).await.body, r#"{"ok":true}"#);
    assert_eq!(world.get(&format!("/api/jobs/{id}")).await.status, 404);
    assert_eq!(world.delete(&format!("/api/jobs/{id}")).await.status, 404);
    world.settle().await;
    assert_eq!(world.parts(&id).await, Vec::<String>::new());
    let child_id = child["id"].as_str().unwrap();
    let kept = world.get(&format!("/api/jobs/{child_id}")).await.json();
    assert_eq!((&kept["source_job_id"], world.rows(child_id).await.len()), (&json!(id), 50), "the id dangles");

    let before = kept["expires_at"].clone();
    let completed = world.job(child_id).await.completed_at.unwrap();
    let rest = completed + Duration::days(7) - world.bench.context.clock().now();
    world.bench.advance(rest - Duration::seconds(20));
    assert_eq!(world.get(&format!("/api/jobs/{child_id}/download")).await.status, 200);
    world.bench.advance(Duration::seconds(21));
    // from the exact instant on, before any sweep
    for path in ["download", "items"] {
        let answer = world.get(&format!("/api/jobs/{child_id}/{path}")).await;
        assert_eq!((answer.status, detail(&answer).as_str()), (410, "Result file has been purged."));
    }
    let expired = world.get(&format!("/api/jobs/{child_id}")).await.json();
    assert_eq!((&expired["status"], &expired["results_count"]), (&json!("expired"), &json!(50)));
    assert_eq!((&expired["expires_at"], &expired["output_filename"]), (&before, &Value::Null));
    world.settle().await;
    assert_eq!(world.job(child_id).await.status, JobStatus::Expired);
    assert_eq!(world.parts(child_id).await.len(), 2, "header and parameters stay until the owner deletes the job");
    let answer = world.post(&format!("/api/jobs/{child_id}/cancel"), &json!({})).await;
    assert_eq!(detail(&answer), "Job has already ended with status expired.");
    assert_eq!(world.delete(&format!("/api/jobs/{child_id}")).await.status, 200);
    world.settle().await;
    assert_eq!(world.parts(child_id).await, Vec::<String>::new());
    assert_eq!(world.get("/api/jobs").await.body, "[]");
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let id = world.verification(&["a@one.test", "b@nx.test"]).await;
    world.settle().await;
    let answer = world.delete(&format!("/api/jobs/{id}")).await;
    snapshot!("jobs-delete", &answer);
}
