//! Import, filter, sort and verification by lineage, against the same rules over a table in memory (outsend 12).

use engine::Module;
use harness::outsend::{
    detail,
    jobs::{World, naive, table},
};
use serde_json::json;

#[tokio::test]
async fn ten_thousand_rows_through_a_chain() {
    let world = World::start().await;
    let (text, rows) = table();
    let import = world.create(Module::Import, json!({"source": "paste", "text": text}), None).await;
    world.settle().await;
    let import = world.job(&import.id.to_string()).await;
    assert_eq!((import.status.as_str(), import.results), ("done", 10_000));
    let shown = world.get(&format!("/api/jobs/{}", import.id)).await.json();
    let mapped = json!({"Name": "nom", "E-mail": "email", "Note": "rating", "Phone": "telephone"});
    assert_eq!(shown["breakdown"]["import"]["mapped"], mapped);
    let options = json!({"require_phone": true, "rating_min": 1});
    let filter = world.create(Module::Filter, options, Some(&import)).await;
    world.settle().await;
    let filter = world.job(&filter.id.to_string()).await;
    let options = json!({"sort_by": "note", "top_n": 4_000});
    let sort = world.create(Module::Sort, options, Some(&filter)).await;
    world.settle().await;
    let sort = world.job(&sort.id.to_string()).await;
    assert_eq!((sort.results, sort.processed), (4_000, filter.results));
    let answer = world.post("/api/jobs/verify-emails", &json!({"source_job_id": sort.id.to_string()})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    world.settle().await;
    let expected = naive(&rows);
    assert_eq!(answer.json()["breakdown"]["ignored"], 4_000 - expected.len());
    let found: Vec<_> = world
        .rows(&id)
        .await
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            (text("nom"), text("email"), text("status"))
        })
        .collect();
    assert_eq!(found.len(), expected.len());
    assert_eq!(found, expected);

    // what a job reads may go before it is through
    let child = world.create(Module::Filter, json!({}), Some(&import)).await;
    world.delete(&format!("/api/jobs/{}", import.id)).await;
    world.settle().await;
    let child = world.get(&format!("/api/jobs/{}", child.id)).await.json();
    assert_eq!(
        (&child["status"], &child["error_message"]),
        (&json!("failed"), &json!("Input is no longer available."))
    );
    // an empty input gives an empty result, not an error
    let options = json!({"rating_min": 99});
    let none = world.create(Module::Filter, options, Some(&filter)).await;
    world.settle().await;
    let none = world.job(&none.id.to_string()).await;
    let empty = world.create(Module::Sort, json!({}), Some(&none)).await;
    world.settle().await;
    let empty = world.job(&empty.id.to_string()).await;
    assert_eq!((none.status.as_str(), none.results, empty.status.as_str(), empty.results), ("done", 0, "done", 0));
    assert_eq!(world.get(&format!("/api/jobs/{}/download", empty.id)).await.json(), json!([]));
    let csv = world.get(&format!("/api/jobs/{}/download?format=csv", empty.id)).await;
    assert_eq!(csv.body, "\u{feff}nom;email;rating;telephone\r\n");
    let useless = world.post("/api/jobs/verify-emails", &json!({"source_job_id": empty.id.to_string()})).await;
    let errors = json!([{"field": "source_job_id", "message": "No usable row: every item lacks email."}]);
    assert_eq!((useless.status, &useless.json()["errors"]), (422, &errors));
}

#[tokio::test]
async fn more_usable_rows_than_a_job_takes() {
    let world = World::start().await;
    let text = format!("email\n{}", (0..10_001).map(|number| format!("a{number}@one.test\n")).collect::<String>());
    let import = world.create(Module::Import, json!({"source": "paste", "text": text}), None).await;
    world.settle().await;
    let answer = world.post("/api/jobs/verify-emails", &json!({"source_job_id": import.id.to_string()})).await;
    assert_eq!(
        (answer.status, detail(&answer).as_str()),
        (400, "Source has 10001 usable rows; the limit is 10000 items per job.")
    );
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
