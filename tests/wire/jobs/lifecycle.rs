//! Cancel, delete, resume, leases, lifetimes, quota (outsend 7.4, 7.5, 8.4, 18.2).

use engine::Module;
use serde_json::{Value, json};
use shared::{
    model::{JobId, JobStatus},
    store::{Commit, Creation, Ending, JobParameters, NewJob},
};
use time::Duration;

use super::World;
use crate::outsend::detail;

fn addresses(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("user{number}@site{}.test", number % 7)).collect()
}

async fn verification(world: &World, count: usize) -> String {
    let addresses = addresses(count);
    world.verification(&addresses.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// Everything that is stored of a job but its header.
async fn parts(world: &World, id: &str) -> Vec<String> {
    let settings = world.bench.context.settings();
    let stored = harness::stored(settings, settings.store.endpoint.as_deref().unwrap(), "main").await.unwrap();
    stored.into_iter().filter(|item| item.contains(&format!("JOB#{id}"))).collect()
}

#[tokio::test]
async fn a_cancelled_job_stays_cancelled_whatever_its_worker_does() {
    let world = World::start().await;
    let id = verification(&world, 10).await;
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

    let done = verification(&world, 3).await;
    world.settle().await;
    let answer = world.post(&format!("/api/jobs/{done}/cancel"), &json!({})).await;
    assert_eq!((answer.status, detail(&answer).as_str()), (400, "Job has already ended with status done."));
    let waiting = verification(&world, 3).await;
    let answer = world.post(&format!("/api/jobs/{waiting}/cancel"), &json!({})).await;
    assert_eq!((&answer.json()["started_at"], &answer.json()["download_available"]), (&Value::Null, &json!(false)));
    assert_eq!(detail(&world.get(&format!("/api/jobs/{waiting}/download")).await), "Result file is not ready.");
}

#[tokio::test]
async fn deleting_and_expiring_leave_nothing_behind() {
    let world = World::start().await;
    let id = verification(&world, 50).await;
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
    assert_eq!(parts(&world, &id).await, Vec::<String>::new());
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
    assert_eq!(parts(&world, child_id).await.len(), 2, "header and parameters stay until the owner deletes the job");
    let answer = world.post(&format!("/api/jobs/{child_id}/cancel"), &json!({})).await;
    assert_eq!(detail(&answer), "Job has already ended with status expired.");
    assert_eq!(world.delete(&format!("/api/jobs/{child_id}")).await.status, 200);
    world.settle().await;
    assert_eq!(parts(&world, child_id).await, Vec::<String>::new());
    assert_eq!(world.get("/api/jobs").await.body, "[]");
}

#[tokio::test]
async fn a_resumed_job_holds_old_and_new_rows() {
    let world = World::start().await;
    let whole = verification(&world, 60).await;
    world.settle().await;
    let id = verification(&world, 60).await;
    world.react().await;
    let store = world.bench.context.store();
    let taken = store.take_job(JobId::parse(&id).unwrap(), false).await.unwrap().unwrap();
    let input = store.job_input(&taken.job, &taken.parameters.input_columns).await.unwrap();
    let first = input.read(0).await.unwrap().unwrap();
    assert_eq!(first.len(), 60);
    // the first items as an undisturbed run has them
    let undisturbed = store.result_rows(JobId::parse(&whole).unwrap(), 60, 0, 25).await.unwrap();
    let counts = vec![("by_status", "unknown".to_owned(), 25)];
    let step = engine::Step { items: 25, rows: undisturbed, counts, ..engine::Step::default() };
    store.commit(&taken.job, &step, world.bench.context.clock().now()).await.unwrap();
    let early = world.post("/api/jobs/resume", &json!({"job_id": id})).await;
    assert_eq!((early.status, detail(&early).as_str()), (400, "Job cannot be resumed."));
    world.post(&format!("/api/jobs/{id}/cancel"), &json!({})).await;

    let answer = world.post("/api/jobs/resume", &json!({"job_id": id.to_lowercase()})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let resumed = answer.json();
    let new = resumed["id"].as_str().unwrap().to_owned();
    assert_eq!((&resumed["status"], &resumed["source_job_id"]), (&json!("pending"), &json!(id)));
    assert_eq!((&resumed["processed_points"], &resumed["grid_points_count"]), (&json!(25), &json!(60)));
    assert_eq!(world.rows(&new).await.len(), 25);
    let again = world.post("/api/jobs/resume", &json!({"job_id": id})).await;
    let text = format!("Job is already being resumed as {new}.");
    assert_eq!((again.status, detail(&again)), (400, text));
    // the old one may go
    world.delete(&format!("/api/jobs/{id}")).await;
    world.settle().await;
    let done = world.get(&format!("/api/jobs/{new}")).await.json();
    assert_eq!(
        (&done["status"], &done["processed_points"], &done["results_count"]),
        (&json!("done"), &json!(60), &json!(60))
    );
    assert_eq!(done["breakdown"], world.get(&format!("/api/jobs/{whole}")).await.json()["breakdown"]);
    assert_eq!(world.rows(&new).await, world.rows(&whole).await);
    for ended in [&whole, &new] {
        let answer = world.post("/api/jobs/resume", &json!({"job_id": ended})).await;
        assert_eq!(detail(&answer), "Job cannot be resumed.");
    }
    assert_eq!(world.post("/api/jobs/resume", &json!({"job_id": id})).await.status, 404);
    let missing = world.post("/api/jobs/resume", &json!({})).await;
    assert_eq!(missing.json()["errors"], json!([{"field": "job_id", "message": "Field is required."}]));
}

#[tokio::test]
async fn an_item_that_kills_three_leases_is_given_up() {
    let world = World::start().await;
    let id = verification(&world, 5).await;
    world.react().await;
    let store = world.bench.context.store();
    let job_id = JobId::parse(&id).unwrap();
    let work = id.clone();
    for round in 0..3 {
        let now = world.bench.context.clock().now();
        let leased = store.lease_work(&work, now).await.unwrap().unwrap();
        assert_eq!(leased.attempt, round + 1);
        assert!(store.lease_work(&work, now + Duration::seconds(59)).await.unwrap().is_none());
        store.take_job(job_id, leased.attempt > 1).await.unwrap().unwrap();
        world.bench.advance(Duration::seconds(61));
    }
    world.settle().await;
    let job = world.get(&format!("/api/jobs/{id}")).await.json();
    assert_eq!((&job["status"], &job["processed_points"]), (&json!("done"), &json!(5)));
    assert_eq!((&job["error_count"], &job["results_count"]), (&json!(1), &json!(4)));
}

#[tokio::test]
async fn an_older_worker_s_commit_is_refused() {
    let world = World::start().await;
    let id = verification(&world, 5).await;
    world.react().await;
    let store = world.bench.context.store();
    let (id, now) = (JobId::parse(&id).unwrap(), world.bench.context.clock().now());
    let old = store.take_job(id, false).await.unwrap().unwrap();
    let new = store.take_job(id, true).await.unwrap().unwrap();
    let row = vec![Value::Null; new.parameters.columns.len()];
    let step = engine::Step { items: 5, rows: vec![row; 5], ..engine::Step::default() };
    assert_eq!(store.commit(&old.job, &step, now).await.unwrap(), Commit::Lost);
    assert!(matches!(store.commit(&new.job, &step, now).await.unwrap(), Commit::Ended(_)));
    assert_eq!(
        store.commit(&new.job, &step, now).await.unwrap(),
        Commit::Ended(Box::new(store.any_job(id).await.unwrap().unwrap())),
        "twice is once"
    );
    assert_eq!(store.any_job(id).await.unwrap().unwrap().results, 5);
}

#[tokio::test]
async fn a_job_that_never_ran_fails_at_the_end_of_its_lifetime() {
    let world = World::with(&[("OUTSCOUT_PARALLEL_LANE_SLOTS", "0")]).await;
    let id = verification(&world, 5).await;
    world.bench.advance(Duration::days(30) + Duration::seconds(1));
    world.settle().await;
    let job = world.get(&format!("/api/jobs/{id}")).await.json();
    assert_eq!(
        (&job["status"], &job["error_message"]),
        (&json!("failed"), &json!("Job exceeded its maximum lifetime."))
    );
    assert_eq!((&job["started_at"], &job["download_available"]), (&Value::Null, &json!(false)));
}

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
        let mut job = super::new_job(&world.account, Module::Emails, now);
        (job.planned, job.charged) = (Some(items), items);
        NewJob {
            job,
            parameters: JobParameters::default(),
            rows: Vec::new(),
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

#[tokio::test]
async fn a_conflict_while_a_source_is_kept_loses_no_job() {
    let world = World::start().await;
    let store = world.bench.context.store();
    let now = world.bench.context.clock().now();
    let mut job = super::new_job(&world.account, Module::Import, now);
    job.input = shared::model::JobInput::Text;
    let options = json!({"source": "url", "url": "https://tables.test/a.csv"}).as_object().unwrap().clone();
    let parameters = JobParameters { options, ..JobParameters::default() };
    let id = job.id;
    let new = NewJob { job, parameters, rows: Vec::new(), text: None, log: Vec::new(), resumes: None };
    assert_eq!(store.create_job(&new, world.account.organization.plan).await.unwrap(), Creation::Created);
    world.react().await;
    let taken = store.take_job(id, false).await.unwrap().unwrap();
    let found = engine::import::discover(b"email\na@one.test\nb@one.test\n".to_vec()).unwrap();
    world.bench.faults.every(1, harness::faults::Fault::Conflict);
    assert!(store.commit_source(&taken, &found, now).await.is_err(), "to be tried again, not given away");
    assert_eq!(world.bench.faults.stop(), 1);
    let kept = store.commit_source(&taken, &found, now).await.unwrap().unwrap();
    assert_eq!((kept.job.planned, &kept.parameters.columns), (Some(2), &found.columns));
    // a worker that was overtaken learns so, and the work stays for the other one
    store.take_job(id, true).await.unwrap().unwrap();
    assert!(store.commit_source(&kept, &found, now).await.unwrap().is_none());
    world.settle().await;
    let job = world.get(&format!("/api/jobs/{id}")).await.json();
    assert_eq!((&job["status"], &job["results_count"]), (&json!("done"), &json!(2)));
}
