//! `POST /api/jobs/resume`: goes on with a job that ended before its time (outsend 8.4).

use harness::{
    osm::Osm,
    outsend::{change, detail, jobs::World},
    snapshot,
};
use serde_json::json;
use shared::model::JobId;

#[tokio::test]
async fn a_resumed_job_holds_old_and_new_rows() {
    let world = World::start().await;
    let whole = world.verification_of(60).await;
    world.settle().await;
    let id = world.verification_of(60).await;
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
async fn of_two_at_once_one_is_told_of_the_other() {
    let world = World::start().await;
    let id = world.verification(&["a@one.test", "b@nx.test"]).await;
    world.post(&format!("/api/jobs/{id}/cancel"), &json!({})).await;
    let body = json!({"job_id": id});
    let resume = || world.post("/api/jobs/resume", &body);
    let answers = futures_util::future::join_all([resume(), resume(), resume()]).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 2));
    let text = format!("Job is already being resumed as {}.", won[0].json()["id"].as_str().unwrap());
    assert!(lost.iter().all(|answer| answer.status == 400 && detail(answer) == text), "{lost:?}");
}

#[tokio::test]
async fn who_may_make_a_job_may_resume_it() {
    let (osm, variables) = Osm::start().await;
    osm.area("q=paris", [2.30, 48.80, 2.40, 48.86]);
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let world = World::with(&variables).await;
    let search = world.post("/api/jobs", &json!({"queries": ["bakery"], "zones": ["Paris"]})).await.json();
    let rows = world.verification(&["a@one.test", "b@nx.test"]).await;
    let search = search["id"].as_str().unwrap();
    for id in [search, &rows] {
        world.post(&format!("/api/jobs/{id}/cancel"), &json!({})).await;
    }
    change(&world.bench, "ada@example.com", |user| user.verified = false).await;
    let resume = async |id: &str| {
        let body = json!({"job_id": id}).to_string();
        world.call("POST", "/api/jobs/resume", &[("cookie", &world.session)], &body).await
    };
    let refused = resume(search).await;
    assert_eq!((refused.status, detail(&refused).as_str()), (403, "Verify your e-mail address first."));
    assert_eq!(resume(&rows).await.status, 200);
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let id = world.verification(&["a@one.test", "b@nx.test"]).await;
    world.post(&format!("/api/jobs/{id}/cancel"), &json!({})).await;
    let answer = world.post("/api/jobs/resume", &json!({"job_id": id})).await;
    snapshot!("jobs-resume", &answer);
}
