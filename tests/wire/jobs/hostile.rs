//! Requests that mean harm, and a store that misbehaves while jobs run.

use harness::faults::Fault;
use serde_json::json;
use shared::lambda::Function as _;
use time::Duration;

use super::World;

#[tokio::test]
async fn odd_cells_come_out_as_they_went_in() {
    let world = World::start().await;
    let items = json!([
        {"email": "a@one.test", "f": "=HYPERLINK(\"http://x\")", "n": "-1.5", "t": "a;b\"c\r\nd", "z": "nul\u{0}l", "=cmd": true},
        {"email": "b@one.test", "f": "+33612345678", "n": 12_345_678_901_234_567_890_u64, "t": " x ", "z": "é\u{1F600}", "=cmd": null},
    ]);
    let answer = world.post("/api/jobs/verify-emails", &json!({"items": items})).await;
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    world.settle().await;
    let rows = world.rows(&id).await;
    for (row, item) in rows.iter().zip(items.as_array().unwrap()) {
        for (key, cell) in item.as_object().unwrap() {
            assert_eq!(&row[key], cell, "{key}");
        }
    }
    let csv = world.get(&format!("/api/jobs/{id}/download?format=csv")).await;
    let lines: Vec<_> = csv.body.split("\r\n").collect();
    assert!(lines[0].contains(";'=cmd;"), "{}", lines[0]);
    assert!(csv.body.contains(";\"'=HYPERLINK(\"\"http://x\"\")\";-1.5;\"a;b\"\"c\r\nd\";"), "{}", csv.body);
    assert!(csv.body.contains(";+33612345678;12345678901234567890;\" x \";"), "{}", csv.body);
    assert_eq!(world.get(&format!("/api/jobs/{id}/download")).await.json(), serde_json::Value::from(rows));
}

#[tokio::test]
async fn wide_rows_of_a_source_are_more_than_a_transaction_holds() {
    let world = World::start().await;
    // 800 rows of 30 KiB that pack to almost nothing: a hundred chunks
    let wide = "x".repeat(30_000);
    let mut text = String::from("email,note\n");
    for number in 0..800 {
        text.push_str(&format!("a{number}@one.test,{wide}\n"));
    }
    let import = world.create(engine::Module::Import, json!({"source": "paste", "text": text}), None).await;
    world.settle().await;
    let answer = world.post("/api/jobs/verify-emails", &json!({"source_job_id": import.id.to_string()})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    world.settle().await;
    let job = world.get(&format!("/api/jobs/{id}")).await.json();
    assert_eq!((&job["status"], &job["results_count"]), (&json!("done"), &json!(800)));
}

#[tokio::test]
async fn jobs_survive_a_store_that_misbehaves() {
    let world = World::start().await;
    let addresses: Vec<_> = (0..120).map(|number| format!("a{number}@site{}.test", number % 90)).collect();
    let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
    let calm = world.verification(&addresses).await;
    world.settle().await;
    let expected = world.rows(&calm).await;
    for (nth, fault) in [(3, Fault::Conflict), (5, Fault::Throttled), (4, Fault::LostAnswer), (2, Fault::Slow(20))] {
        world.bench.faults.every(nth, fault);
        let id = world.verification(&addresses).await;
        for _ in 0..60 {
            let event = json!({});
            // a failed invocation is brought again
            let _ = world.bench.invoke(&background_work::FUNCTION, event.to_string().into()).await;
            world.bench.advance(Duration::seconds(61));
            if let Ok(Some(job)) = world.bench.context.store().any_job(shared::model::JobId::parse(&id).unwrap()).await
                && !job.status.is_active()
            {
                break;
            }
        }
        assert!(world.bench.faults.stop() > 0, "{fault:?} never happened");
        world.settle().await;
        let job = world.get(&format!("/api/jobs/{id}")).await.json();
        assert_eq!((&job["status"], &job["results_count"]), (&json!("done"), &json!(120)), "{fault:?}: {job}");
        assert_eq!(world.rows(&id).await, expected, "{fault:?}");
    }
    let page = world.get("/api/jobs").await.json();
    assert_eq!(page.as_array().unwrap().len(), 5, "no creation was doubled");
}
