//! `GET /api/jobs`: the caller's jobs (outsend 8.1).

use engine::Module;
use harness::{
    Answer, log,
    outsend::jobs::{World, new_job},
    snapshot,
};
use serde_json::{Value, json};
use time::Duration;

#[tokio::test]
async fn lists_pages_and_filters() {
    let world = World::with(&[("OUTSCOUT_EF_QUOTA_FREE", "")]).await;
    let mut ids = Vec::new();
    for number in 0..7 {
        world.bench.advance(Duration::seconds(if number % 2 == 0 { 0 } else { 2 }));
        ids.push(world.verification(&[&format!("a{number}@one.test")]).await);
    }
    let list = |query: &'static str| {
        let world = &world;
        async move {
            let answer = world.get(&format!("/api/jobs?{query}")).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let jobs = answer.json();
            jobs.as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        }
    };
    let all = list("limit=500").await;
    let mut expected = Vec::new();
    for id in &ids {
        let job = world.job(id).await;
        expected.push((std::cmp::Reverse(job.created_at.unix_timestamp()), std::cmp::Reverse(id.clone())));
    }
    expected.sort();
    assert_eq!(
        all,
        expected.into_iter().map(|(_, id)| id.0).collect::<Vec<_>>(),
        "newest first, then by id descending"
    );
    assert_eq!([list("limit=3").await, list("limit=3&offset=3").await, list("limit=3&offset=6").await].concat(), all);
    for end in ["offset=100000", "offset=99999999999999999999"] {
        assert!(list(end).await.is_empty(), "{end}");
    }
    world.react().await;
    assert_eq!(list("status=running").await.len(), 5);
    assert_eq!(list("status=pending").await.len(), 2);
    assert_eq!(
        [list("status=pending&limit=1").await, list("status=pending&limit=1&offset=1").await].concat(),
        list("status=pending").await
    );
    assert_eq!(list("status=running,pending&type=verify-emails").await, all);
    assert_eq!(list("type=verify_emails&limit=2&offset=2").await, all[2..4]);
    assert_eq!(list("type=scrap&type=verify-emails").await, all);
    assert!(list("type=scrap").await.is_empty());
    assert!(list("status=done").await.is_empty());
    world.settle().await;
    assert_eq!(list("status=done&limit=4&offset=2").await, all[2..6]);
    world.bench.advance(Duration::days(8));
    assert!(list("status=done").await.is_empty(), "as expired from the very instant, swept or not");
    assert_eq!(list("status=expired").await, all);
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("offset=-1", "offset"),
        ("status=finished", "status"),
        ("status=done,", "status"),
        ("type=queue", "type"),
    ] {
        let answer = world.get(&format!("/api/jobs?{query}")).await;
        assert_eq!((answer.status, answer.json()["errors"][0]["field"].as_str()), (422, Some(field)), "{query}");
    }
    let message = |answer: Answer| answer.json()["errors"][0]["message"].as_str().unwrap().to_owned();
    assert_eq!(message(world.get("/api/jobs?offset=-1").await), "Must be 0 or more.");
    assert!(message(world.get("/api/jobs?type=queue").await).starts_with("Must be one of: scrap, import, "));
}

#[tokio::test]
async fn deep_pages_cost_what_the_first_one_costs() {
    log();
    let world = World::start().await;
    let store = world.bench.context.store();
    let began = world.bench.context.clock().now();
    // a long history: jobs that are over, made as the API makes them
    for number in 0..600_i64 {
        let mut job = new_job(&world.account, Module::VerifyEmails, began - Duration::seconds(number));
        job.planned = Some(1);
        let new = shared::store::NewJob {
            job,
            parameters: shared::store::JobParameters::default(),
            rows: shared::store::PackedRows::default(),
            text: None,
            log: Vec::new(),
            resumes: None,
        };
        store.create_job(&new, world.account.organization.plan).await.unwrap();
    }
    world.cost("/api/jobs?limit=100").await;
    let first = world.cost("/api/jobs?limit=100").await;
    for offset in [200, 400, 500] {
        let deep = world.cost(&format!("/api/jobs?limit=100&offset={offset}")).await;
        assert!(
            deep.sequential <= first.sequential + 1 && deep.items_read <= first.items_read + 3,
            "{offset}: {deep:?}; at first {first:?}"
        );
    }
    let text = format!("email\n{}", (0..30_000).map(|number| format!("a{number}@one.test\n")).collect::<String>());
    let import = world.create(Module::Import, json!({"source": "paste", "text": text}), None).await;
    for job in store.active_jobs(world.account.user.id).await.unwrap() {
        if job.id != import.id {
            store.end_job(job.id, shared::store::Ending::Cancelled, began).await.unwrap();
        }
    }
    world.settle().await;
    let items = |offset: u32| format!("/api/jobs/{}/items?limit=100&offset={offset}", import.id);
    world.cost(&items(0)).await;
    let first = world.cost(&items(0)).await;
    for offset in [10_000, 29_900] {
        assert_eq!(world.cost(&items(offset)).await, first);
    }
    let page = world.get(&items(29_950)).await.json();
    assert_eq!((page["items"].as_array().unwrap().len(), &page["items"][0]["email"]), (50, &json!("a29950@one.test")));
    // what is asked all the time is one round trip in a process that knows the caller
    let path = format!("/api/jobs/{}", import.id);
    world.cost(&path).await;
    assert_eq!(world.cost(&path).await.sequential, 1);
    assert_eq!(world.get(&items(30_000)).await.json()["items"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let id = world.verification(&["a@one.test", "b@nx.test"]).await;
    world.settle().await;
    world.verification(&["c@one.test"]).await;
    let answer = world.get("/api/jobs?status=done&limit=5").await;
    snapshot!("jobs-list", &answer);
    assert_eq!(answer.json()[0]["id"], json!(id));
}
