//! Placement checks (outsend 12.16), at a stub of an IMAP server.

use harness::{
    outsend::{detail, jobs::World},
    seeds::Seeds,
};
use serde_json::{Value, json};
use time::Duration;

const VARIABLE: &str = "OUTSCOUT_SEED_MAILBOXES";

async fn made(world: &World, body: &Value) -> String {
    let made = world.post("/api/jobs/delivery-check", body).await;
    assert_eq!(made.status, 200, "{}", made.body);
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn get(world: &World, id: &str) -> Value {
    world.get(&format!("/api/jobs/{id}")).await.json()
}

/// The next poll.
async fn next(world: &World) {
    world.bench.advance(Duration::seconds(31));
    world.turn().await;
}

fn told(rows: &[Value]) -> Vec<Value> {
    let names = ["seed_email", "status", "placement", "subject", "received_relative"];
    rows.iter().map(|row| json!(names.map(|name| &row[name]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_ends_with_a_row_for_each_mailbox() {
    let seeds = Seeds::start().await;
    let world = World::with(&[(VARIABLE, &seeds.variable(&["a", "b", "c"]))]).await;
    let id = made(&world, &json!({"domain": " ACME.test ", "subject_filter": "ÉTÉ", "items": 7, "other": []})).await;
    let job = get(&world, &id).await;
    assert_eq!(
        (&job["status"], &job["grid_points_count"], &job["ef_cost"]),
        (&json!("pending"), &json!(0), &json!(0.0))
    );
    world.turn().await;
    let job = get(&world, &id).await;
    assert_eq!((&job["status"], &job["grid_points_count"]), (&json!("running"), &json!(3)));
    let started = world.job(&id).await.started_at.unwrap();
    let at = |seconds| started + Duration::seconds(seconds);
    seeds.deliver("a", "", "n@acme.test", "Offre d'été, before", at(-2));
    seeds.deliver("a", "", "n@acme.test", "Hiver", at(2));
    seeds.deliver("a", "", "n@acme.test.other.test", "Offre d'été", at(2));
    seeds.deliver("a", "social", "\"News\" <n@acme.test>", "=?utf-8?q?Offre_d'=C3=A9t=C3=A9?=", at(20));
    seeds.reject("b", "n@news.acme.test", "Offre d'été", at(29));
    next(&world).await;
    assert_eq!(get(&world, &id).await["processed_points"], json!(0));
    seeds.deliver("c", "", "n@acme.test", "Offre d'été", at(185));
    seeds.deliver("b", "", "n@acme.test", "Offre d'été 2", at(40));
    for _ in 0..7 {
        next(&world).await;
    }
    let job = get(&world, &id).await;
    let counts = ["grid_points_count", "processed_points", "results_count", "error_count"].map(|name| &job[name]);
    assert_eq!((&job["status"], json!(counts)), (&json!("done"), json!([3, 3, 3, 0])));
    let rows = world.rows(&id).await;
    let subject = "Offre d'été";
    let expected = [
        json!(["a@seed.test", "received", "Inbox · Social", subject, "< 1 min"]),
        json!(["b@seed.test", "received", "Spam", subject, "< 1 min"]),
        json!(["c@seed.test", "received", "Inbox principal", subject, "3 min"]),
    ];
    assert_eq!(told(&rows), expected);
    let report = world.get(&format!("/api/jobs/{id}/report")).await.json();
    assert_eq!(report["seeds"], json!(rows));
    let counts = ["received", "total", "inbox", "spam", "pending"].map(|name| &report[name]);
    assert_eq!(json!(counts), json!([3, 3, 2, 1, 0]));
    let file = world.get(&format!("/api/jobs/{id}/download?format=csv")).await;
    assert!(file.body.contains("a@seed.test;a;received;Inbox · Social;Offre d'été;< 1 min"), "{}", file.body);
    let wrote = |command: &String| ["SELECT", "STORE", "COPY", "MOVE"].iter().any(|verb| command.contains(verb));
    assert!(!seeds.commands().iter().any(wrote), "the mailboxes are only read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_ends_after_a_quarter_of_an_hour_and_tells_of_bad_mailboxes_once() {
    let seeds = Seeds::start().await;
    let world = World::with(&[(VARIABLE, &seeds.variable(&["a-out", "b"]))]).await;
    let id = made(&world, &json!({"domain": "acme.test"})).await;
    world.turn().await;
    let started = world.job(&id).await.started_at.unwrap();
    seeds.deliver("b", "", "n@acme.test", "", started);
    next(&world).await;
    next(&world).await;
    assert_eq!(get(&world, &id).await["status"], json!("running"));
    // another worker goes on from what is kept
    world.bench.advance(Duration::minutes(14));
    world.turn().await;
    let job = get(&world, &id).await;
    assert_eq!((&job["status"], &job["error_count"], &job["results_count"]), (&json!("done"), &json!(1), &json!(2)));
    let rows = world.rows(&id).await;
    assert_eq!(told(&rows)[0], json!(["a-out@seed.test", "", "", "", ""]));
    assert_eq!(told(&rows)[1], json!(["b@seed.test", "received", "Inbox principal", "", "< 1 min"]));
    let job = world.job(&id).await;
    let lines = world.bench.context.store().job_log(job.id, 0, job.log_last).await.unwrap();
    let lines: Vec<_> = lines.iter().map(|(_, line)| line.message.as_str()).collect();
    assert_eq!(lines, ["Mailbox a-out@seed.test was not looked into: it refused the login."]);
    let stored = world.bench.items("main").await.unwrap();
    assert!(stored.iter().all(|item| !item.contains("hush") && !item.contains("wrong")), "no password is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_was_cancelled_begins_anew() {
    let seeds = Seeds::start().await;
    let world = World::with(&[(VARIABLE, &seeds.variable(&["a"]))]).await;
    let id = made(&world, &json!({"domain": "acme.test"})).await;
    world.turn().await;
    let started = world.job(&id).await.started_at.unwrap();
    seeds.deliver("a", "", "n@acme.test", "First", started + Duration::seconds(1));
    assert_eq!(world.post(&format!("/api/jobs/{id}/cancel"), &json!({})).await.status, 200);
    next(&world).await;
    assert_eq!(get(&world, &id).await["status"], json!("cancelled"));
    let answer = world.post("/api/jobs/resume", &json!({"job_id": id})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let again = answer.json()["id"].as_str().unwrap().to_owned();
    world.turn().await;
    let job = get(&world, &again).await;
    assert_eq!(
        (&job["status"], &job["grid_points_count"]),
        (&json!("running"), &json!(1)),
        "what came before is not new"
    );
    // one at a time, made or resumed
    let text = format!("A placement check is already running: {again}.");
    let body = json!({"job_id": id});
    for (path, body) in [("delivery-check", json!({"domain": "other.test"})), ("resume", body)] {
        let refused = world.post(&format!("/api/jobs/{path}"), &body).await;
        let text = if path == "resume" { format!("Job is already being resumed as {again}.") } else { text.clone() };
        assert_eq!((refused.status, detail(&refused)), (400, text), "{path}");
    }
    let started = world.job(&again).await.started_at.unwrap();
    seeds.deliver("a", "", "n@acme.test", "Second", started + Duration::seconds(1));
    next(&world).await;
    assert_eq!(told(&world.rows(&again).await)[0][3], json!("Second"));
    let other = made(&world, &json!({"domain": "other.test"})).await;
    let refused = world.post("/api/jobs/resume", &json!({"job_id": id})).await;
    assert_eq!(detail(&refused), format!("A placement check is already running: {other}."));
}

#[tokio::test]
async fn a_check_is_there_where_mailboxes_are() {
    let available = |world: World| async move {
        let registry = world.get("/api/modules-registry").await.json();
        let entries = registry["modules"].as_array().unwrap();
        let entry = entries.iter().find(|entry| entry["slug"] == "delivery_check").unwrap();
        (entry["alpha_unavailable"].clone(), world)
    };
    let (off, world) = available(World::start().await).await;
    let refused = world.post("/api/jobs/delivery-check", &json!({"domain": "acme.test"})).await;
    let text = "Module delivery_check is temporarily unavailable.";
    assert_eq!((off, refused.status, detail(&refused).as_str()), (json!(true), 503, text));
    let seeds = Seeds::start().await;
    let (off, world) = available(World::with(&[(VARIABLE, &seeds.variable(&["a"]))]).await).await;
    assert_eq!(off, json!(false));
    let long = format!("{}.test", "a".repeat(116));
    for (body, field, message) in [
        (json!({}), "domain", "Field is required."),
        (json!({"domain": 7}), "domain", "Must be a string."),
        (json!({"domain": "a."}), "domain", "Must have 3 to 120 characters."),
        (json!({"domain": long}), "domain", "Must have 3 to 120 characters."),
        (json!({"domain": "localhost"}), "domain", "Invalid format."),
        (json!({"domain": "n@acme.test"}), "domain", "Invalid format."),
        (json!({"domain": "acme..test"}), "domain", "Invalid format."),
        (json!({"domain": "1.2.3.4"}), "domain", "Invalid format."),
        (json!({"domain": "acme.1"}), "domain", "Invalid format."),
        (json!({"domain": "acme.test\" OR ALL"}), "domain", "Invalid format."),
        (json!({"domain": "acme.test", "subject_filter": 1}), "subject_filter", "Must be a string."),
        (
            json!({"domain": "acme.test", "subject_filter": "x".repeat(121)}),
            "subject_filter",
            "Must have 0 to 120 characters.",
        ),
    ] {
        let answer = world.post("/api/jobs/delivery-check", &body).await;
        let errors = json!([{"field": field, "message": message}]);
        assert_eq!((answer.status, &answer.json()["errors"]), (422, &errors), "{body}");
    }
    assert_eq!(world.get("/api/jobs").await.body, "[]");
}
