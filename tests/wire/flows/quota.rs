//! What planned requests are charged against the month (outsend 18.2).

use engine::Module;
use harness::outsend::jobs::{World, new_job};
use shared::store::{Creation, Ending, JobParameters, NewJob};

#[tokio::test]
async fn planned_requests_are_charged_once_and_given_back_once() {
    let world = World::with(&[("OUTSCOUT_EF_QUOTA_FREE", "1.5")]).await;
    let store = world.bench.context.store();
    let plan = world.account.organization.plan;
    let used = || async {
        let quota = world.get("/api/auth/me").await.json()["quota"].clone();
        assert_eq!(quota["ef_limit"], 1.5);
        quota["ef_used"].as_f64().unwrap()
    };
    assert!(used().await.abs() < 1e-9);
    let now = world.bench.context.clock().now();
    let new = |items: u64| {
        let mut job = new_job(&world.account, Module::Emails, now);
        (job.planned, job.charged) = (Some(items), items);
        NewJob {
            job,
            parameters: JobParameters::default(),
            rows: shared::store::PackedRows::default(),
            text: None,
            log: Vec::new(),
            resumes: None,
        }
    };
    let first = new(10_000);
    assert_eq!(store.create_job(&first, plan).await.unwrap(), Creation::Created);
    assert_eq!(store.create_job(&first, plan).await.unwrap(), Creation::Created, "twice is once");
    assert!((used().await - 1.0).abs() < 1e-9);
    assert_eq!(store.create_job(&new(5_001), plan).await.unwrap(), Creation::OverQuota(10_000, 15_000));
    assert_eq!(store.create_job(&new(5_000), plan).await.unwrap(), Creation::Created);
    assert_eq!(store.create_job(&new(1), plan).await.unwrap(), Creation::OverQuota(15_000, 15_000));
    let shown = world.get(&format!("/api/jobs/{}", first.job.id)).await.json();
    assert_eq!(shown["ef_cost"], 1.0);
    for _ in 0..2 {
        store.end_job(first.job.id, Ending::Cancelled, now).await.unwrap();
        assert!((used().await - 0.5).abs() < 1e-9);
    }
    assert_eq!(world.get(&format!("/api/jobs/{}", first.job.id)).await.json()["ef_cost"], 1.0, "fixed at creation");
}
