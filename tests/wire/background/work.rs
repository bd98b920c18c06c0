//! What outlives a request: mails, lists, exports, deletions, jobs.

use engine::Module;
use harness::{
    Bench,
    faults::Fault,
    fixture_study,
    openscouter::{
        exports::{asked, create, download, stored},
        team::Team,
        work,
    },
    outsend::jobs::{World, new_job},
};
use local::template::Templates;
use serde_json::{Value, json};
use shared::{
    model::{Email, JobId, Plan, Study, StudyId, TestSessionId, WorkItem, WorkKind},
    store::{Commit, Creation, ExportState, JobParameters, NewJob, Run},
};
use time::Duration;

#[tokio::test]
async fn work_is_done_by_one_and_taken_up_again_when_its_lease_lapsed() {
    let bench = Bench::start().await.unwrap();
    let (store, clock) = (bench.context.store(), bench.context.clock());
    let email = Email::parse("dana@example.com").unwrap();
    let work = WorkItem { id: "01".to_owned(), kind: WorkKind::Reset, subject: email.as_str().to_owned(), attempt: 0 };
    store.queue(&work, clock.now()).await.unwrap();
    assert_eq!(store.due_work(clock.now()).await.unwrap(), ["01"]);
    let taken = store.lease_work("01", clock.now()).await.unwrap().unwrap();
    assert_eq!(taken.attempt, 1);
    assert!(store.lease_work("01", clock.now()).await.unwrap().is_none(), "somebody has it");
    assert!(store.due_work(clock.now()).await.unwrap().is_empty());
    store.queue(&work, clock.now()).await.unwrap();
    assert!(store.due_work(clock.now()).await.unwrap().is_empty(), "queued again it stays as it is");
    bench.advance(Duration::seconds(60));
    assert_eq!(store.due_work(clock.now()).await.unwrap(), ["01"]);
    let again = store.lease_work("01", clock.now()).await.unwrap().unwrap();
    store.finish_work(&taken).await.unwrap();
    bench.advance(Duration::seconds(60));
    assert_eq!(store.due_work(clock.now()).await.unwrap(), ["01"], "the first taker has no say any more");
    store.finish_work(&again).await.unwrap();
    assert!(store.due_work(clock.now()).await.unwrap().is_empty());
    assert!(store.lease_work("01", clock.now()).await.unwrap().is_none());
}

#[tokio::test]
async fn an_item_that_kills_three_leases_is_given_up() {
    let world = World::start().await;
    let id = world.verification_of(5).await;
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
    let id = world.verification_of(5).await;
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
    let id = world.verification_of(5).await;
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
async fn a_conflict_while_a_source_is_kept_loses_no_job() {
    let world = World::start().await;
    let store = world.bench.context.store();
    let now = world.bench.context.clock().now();
    let mut job = new_job(&world.account, Module::Import, now);
    job.input = shared::model::JobInput::Text;
    let options = json!({"source": "url", "url": "https://tables.test/a.csv"}).as_object().unwrap().clone();
    let parameters = JobParameters { options, ..JobParameters::default() };
    let id = job.id;
    let new = NewJob {
        job,
        parameters,
        rows: shared::store::PackedRows::default(),
        text: None,
        log: Vec::new(),
        resumes: None,
    };
    assert_eq!(store.create_job(&new, world.account.organization.plan).await.unwrap(), Creation::Created);
    world.react().await;
    let taken = store.take_job(id, false).await.unwrap().unwrap();
    let found = engine::import::discover(b"email\na@one.test\nb@one.test\n".to_vec()).unwrap();
    world.bench.faults.every(1, Fault::Conflict);
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

#[tokio::test]
async fn a_later_slice_goes_on_where_the_last_one_ended() {
    let team = Team::start().await;
    let (bench, store, user) = (&team.bench, team.bench.context.store(), team.user.id);
    let (first, second) = (team.study(&json!({})).await, team.study(&json!({})).await);
    let (first, second) = (team.session(&first).await, team.session(&second).await);
    let (path, id) = asked(&create(bench, &team.tester).await);
    let export = stored(&team, user, id).await;
    let now = bench.context.clock().now();
    // a slice that ended after the first session, beside one of a worker who was overtaken
    let (mut run, mut late) = (Run::begin(), Run::begin());
    let text = json!({"testSessions": [{"sessionId": first}]}).to_string();
    let text = text.strip_suffix("]}").unwrap();
    assert!(store.put_export_parts(&export, &mut late, b"half of it", now).await.unwrap());
    assert!(store.put_export_parts(&export, &mut run, text.as_bytes(), now).await.unwrap());
    store.advance_export(&export.with_run(run, TestSessionId::from_wire(&first), None)).await.unwrap();
    assert!(!store.put_export_parts(&export, &mut late, b"the rest", now).await.unwrap(), "too late");
    store.advance_export(&export.with_run(late, None, Some(now))).await.unwrap();
    assert_eq!(stored(&team, user, id).await.state, ExportState::Queued, "and it ends nothing");
    work(bench).await;
    let bundle = download(bench, &team.tester, &path).await.json();
    let ids: Vec<_> = bundle["testSessions"].as_array().unwrap().iter().map(|row| row["sessionId"].clone()).collect();
    assert_eq!(ids, [json!(first), json!(second)]);
}

#[tokio::test]
async fn an_invocation_ends_well_inside_the_function_s_time_limit() {
    let limit = Templates::embedded().unwrap().time_limits["background-work"];
    let world = World::start().await;
    let (bench, store) = (&world.bench, world.bench.context.store());
    let clock = bench.context.clock();
    // much of everything that takes long: lists, jobs, and old work that is left to the lists' drainer
    let organization = bench.organization(Plan::Free).await.unwrap().organization;
    for _ in 0..60 {
        let template = fixture_study(organization, 0).unwrap();
        let study = |_| Study { id: StudyId::generate(), created_at: clock.now(), ..template.clone() };
        assert!(store.create_studies(&(0..25).map(study).collect::<Vec<_>>()).await.unwrap().is_empty());
    }
    for number in 0..200 {
        let subject = StudyId::generate().to_string();
        let work = WorkItem { id: format!("old-{number}"), kind: WorkKind::RankStudies, subject, attempt: 0 };
        store.queue(&work, clock.now()).await.unwrap();
    }
    let mut jobs = Vec::new();
    for _ in 0..4 {
        jobs.push(world.verification_of(400).await);
    }
    world.react().await;
    let mut longest = Duration::ZERO;
    for _ in 0..200 {
        bench.each_call_takes(Duration::milliseconds(20));
        let began = clock.now();
        work(bench).await;
        longest = longest.max(clock.now() - began);
        bench.faults.stop();
        bench.advance(Duration::minutes(1));
        world.react().await;
        if store.due_work(clock.now()).await.unwrap().is_empty() {
            break;
        }
    }
    assert!(longest > Duration::seconds(5), "there was enough to do: {longest}");
    assert!(longest + Duration::seconds(5) <= limit, "{longest} of {limit:?}");
    assert!(store.due_work(clock.now()).await.unwrap().is_empty(), "all of it was done");
    assert_eq!(store.every_study_page(None, 0, 1).await.unwrap().total, 1_500);
    // who is killed at the limit is not taken for somebody who is at it, and who is at it is not disturbed
    let (id, now) = ("01".to_owned(), clock.now());
    store.queue(&WorkItem { id, kind: WorkKind::Reset, subject: String::new(), attempt: 0 }, now).await.unwrap();
    assert!(store.lease_work("01", now).await.unwrap().is_some());
    assert!(store.lease_work("01", now + limit).await.unwrap().is_none(), "a lease is longer than an invocation");
}
