//! Import, filter, sort and verification by lineage, against the same rules over a table in memory; and what the
//! lists and pages of a long history cost (outsend 2.3, 12).

use std::collections::HashSet;

use engine::Module;
use serde_json::{Value, json};
use time::Duration;

use super::World;
use crate::outsend::detail;

/// A table that somebody could paste: 10,000 rows with a header of aliases.
pub(super) fn table() -> (String, Vec<[String; 4]>) {
    let mut text = String::from("Name;E-mail;Note;Phone\n");
    let mut rows = Vec::new();
    for number in 0..10_000_u32 {
        let mixed = number.wrapping_mul(2_654_435_761);
        let domain = ["one.test", "null.test", "two.test", "nx.test", "mailinator.com", "gmial.com", "none.test"]
            [mixed as usize % 7];
        let address = if mixed % 11 == 0 { String::new() } else { format!("User{}@{domain}", mixed % 6_000) };
        let note = if mixed % 13 == 0 { String::new() } else { format!("{},{}", mixed % 5, mixed / 5 % 10) };
        let phone = if mixed % 3 == 0 {
            String::new()
        } else {
            format!("01 45 31 {:02} {:02}", mixed % 100, mixed / 100 % 100)
        };
        let row = [format!("Company {number}"), address, note, phone];
        text.push_str(&row.join(";"));
        text.push('\n');
        rows.push(row);
    }
    (text, rows)
}

/// What the four steps make of the table, in plain memory.
pub(super) fn naive(rows: &[[String; 4]]) -> Vec<(String, String, String)> {
    let note = |row: &[String; 4]| row[2].replace(',', ".").parse::<f64>().ok();
    let mut kept: Vec<_> =
        rows.iter().filter(|row| !row[3].is_empty() && note(row).is_some_and(|note| note >= 1.0)).collect();
    kept.sort_by(|one, other| note(other).unwrap().total_cmp(&note(one).unwrap()));
    kept.truncate(4_000);
    let mut seen = HashSet::new();
    let usable = kept.into_iter().filter(|row| row[1].contains('@') && seen.insert(row[1].to_lowercase()));
    usable
        .map(|row| {
            let address = row[1].to_lowercase();
            let status = match address.split_once('@').unwrap().1 {
                "null.test" | "nx.test" | "none.test" => "invalid",
                "mailinator.com" | "gmial.com" => "risky",
                _ => "unknown",
            };
            (row[0].clone(), address, status.to_owned())
        })
        .collect()
}

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

/// Calls and items of the request before, from its canonical line.
async fn cost(world: &World, path: &str) -> (u64, u64) {
    let id = uuid::Uuid::new_v4().to_string();
    let headers = [("x-api-key", world.key.as_str()), ("x-request-id", id.as_str())];
    let answer = world.call("GET", path, &headers, "").await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    let line = harness::log().of(&id).pop().unwrap();
    (line["store.sequential"].as_u64().unwrap(), line["store.items_read"].as_u64().unwrap())
}

#[tokio::test]
async fn deep_pages_cost_what_the_first_one_costs() {
    harness::log();
    let world = World::start().await;
    let store = world.bench.context.store();
    let began = world.bench.context.clock().now();
    // a long history: jobs that are over, made as the API makes them
    for number in 0..1_500_i64 {
        let mut job = super::new_job(&world.account, Module::VerifyEmails, began - Duration::seconds(number));
        job.planned = Some(1);
        let new = shared::store::NewJob {
            job,
            parameters: shared::store::JobParameters::default(),
            rows: Vec::new(),
            text: None,
            log: Vec::new(),
            resumes: None,
        };
        store.create_job(&new, world.account.organization.plan).await.unwrap();
    }
    cost(&world, "/api/jobs?limit=100").await;
    let (first, items) = cost(&world, "/api/jobs?limit=100").await;
    for offset in [500, 1_000, 1_400] {
        let (calls, read) = cost(&world, &format!("/api/jobs?limit=100&offset={offset}")).await;
        assert!(
            calls <= first + 1 && read <= items + 3,
            "{offset}: {calls} calls, {read} items; at first {first}, {items}"
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
    cost(&world, &items(0)).await;
    let first = cost(&world, &items(0)).await;
    for offset in [10_000, 29_900] {
        assert_eq!(cost(&world, &items(offset)).await, first);
    }
    let page = world.get(&items(29_950)).await.json();
    assert_eq!((page["items"].as_array().unwrap().len(), &page["items"][0]["email"]), (50, &json!("a29950@one.test")));
    // what is asked all the time is one round trip in a process that knows the caller
    let path = format!("/api/jobs/{}", import.id);
    cost(&world, &path).await;
    assert_eq!(cost(&world, &path).await.0, 1);
    assert_eq!(world.get(&items(30_000)).await.json()["items"], Value::Array(Vec::new()));
}
