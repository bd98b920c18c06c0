//! `POST /api/jobs/{id}/cancel`: ends a job at once (outsend 7.4, 8.1).

use harness::{
    outsend::{detail, jobs::World},
    snapshot,
};
use serde_json::{Value, json};
use shared::{model::JobId, store::Commit};

#[tokio::test]
async fn a_cancelled_job_stays_cancelled_whatever_its_worker_does() {
    let world = World::start().await;
    let id = world.verification_of(10).await;
    world.react().await;
    let store = world.bench.context.store();
    let taken = store.take_job(JobId::parse(&id).unwrap(), false).await.unwrap().unwrap();
    let row = vec![Value::Null; taken.parameters.columns.len()];
    let step = engine::Step { items: 4, rows: vec![row.clone(); 4], ..engine::Step::default() };
    let now = world.bench.context.clock().now();
    let Commit::Committed(job) = store.commit(&taken.job, &step, now).await.unwrap() else { panic!("lost") };
    for _ in 0..2 {
        let answer = world.post(&format!("/api/jobs/{id}/cancel"), &json!({})).await;
        assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("cancelled")));
        assert_eq!(
            (&answer.json()["processed_points"], &answer.json()["download_available"]),
            (&json!(4), &json!(true))
        );
    }
    assert_eq!(store.commit(&job, &step, now).await.unwrap(), Commit::Lost);
    world.settle().await;
    let job = world.get(&format!("/api/jobs/{id}")).await.json();
    assert_eq!(
        (&job["status"], &job["results_count"], &job["processed_points"]),
        (&json!("cancelled"), &json!(4), &json!(4))
    );
    assert_eq!(world.rows(&id).await.len(), 4);

    let done = world.verification_of(3).await;
    world.settle().await;
    let answer = world.post(&format!("/api/jobs/{done}/cancel"), &json!({})).await;
    assert_eq!((answer.status, detail(&answer).as_str()), (400, "Job has already ended with status done."));
    let waiting = world.verification_of(3).await;
    let answer = world.post(&format!("/api/jobs/{waiting}/cancel"), &json!({})).await;
    assert_eq!((&answer.json()["started_at"], &answer.json()["download_available"]), (&Value::Null, &json!(false)));
    assert_eq!(detail(&world.get(&format!("/api/jobs/{waiting}/download")).await), "Result file is not ready.");
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let id = world.verification(&["a@one.test", "b@nx.test"]).await;
    let answer = world.post(&format!("/api/jobs/{id}/cancel"), &json!({})).await;
    snapshot!("jobs-cancel", &answer);
}
