//! `GET /api/veille/{veille}/runs`: the runs of a veille, newest first (outsend 15.2).

use harness::{
    outsend::{
        detail,
        veille::{at, faults, one_run, world},
    },
    snapshot,
};
use serde_json::{Value, json};
use time::Duration;

#[tokio::test]
async fn a_run_that_waits_one_that_is_done_and_one_that_failed() {
    let world = world().await;
    let (source, veille) = one_run(&world).await;
    let none = json!({"new": 0, "closed": 0, "modified": 0, "unchanged": 0});
    let done = world.runs(&veille).await.remove(0);
    let known: Vec<_> = done.as_object().unwrap().keys().map(String::as_str).collect();
    let names = [
        "id",
        "veille_id",
        "status",
        "job_id",
        "pipeline_id",
        "pipeline_run",
        "scheduled_for",
        "started_at",
        "completed_at",
        "error_message",
        "counts",
    ];
    assert_eq!(known, names);
    assert_eq!((&done["id"], &done["veille_id"], &done["error_message"]), (&json!(1), &veille["id"], &Value::Null));
    assert_eq!(done["counts"], json!({"new": 1, "closed": 1, "modified": 3, "unchanged": 1}));
    assert_eq!((&done["pipeline_id"], &done["pipeline_run"]), (&veille["source_pipeline_id"], &json!(2)));
    let pipeline = world.pipeline_now(&veille["source_pipeline_id"]).await;
    assert_eq!((&pipeline["trigger"], &pipeline["veille_id"]), (&json!("veille"), &veille["id"]));
    assert_eq!((&done["job_id"], &pipeline["run"]), (&pipeline["final_job_id"], &json!(2)));
    assert_eq!(done["scheduled_for"], veille["next_run_at"]);
    assert!(at(&done["scheduled_for"]) <= at(&done["started_at"]));
    assert!(at(&done["started_at"]) <= at(&done["completed_at"]));

    world.until(at(&world.veille_now(&veille).await["next_run_at"]) + Duration::seconds(1));
    source.answers(500, "");
    world.tick().await;
    let waiting = world.runs(&veille).await.remove(0);
    assert!(waiting["status"] == "pending" || waiting["status"] == "running", "{waiting}");
    assert_eq!((&waiting["id"], &waiting["completed_at"], &waiting["counts"]), (&json!(2), &Value::Null, &none));
    world.settle().await;
    let failed = world.runs(&veille).await.remove(0);
    assert_eq!((&failed["id"], &failed["status"], &failed["counts"]), (&json!(2), &json!("failed"), &none));
    assert!(failed["error_message"].is_string() && failed["completed_at"].is_string(), "{failed}");
    assert_eq!(failed["started_at"], waiting["started_at"]);
    assert_eq!(world.runs(&veille).await[1], done);
}

#[tokio::test]
async fn a_cancelled_one_is_not_tried_again() {
    let world = world().await;
    let (_, veille) = one_run(&world).await;
    world.until(at(&world.veille_now(&veille).await["next_run_at"]) + Duration::seconds(1));
    world.tick().await;
    // the run starts, and its job waits
    world.background(&background_work::FUNCTION, &json!({})).await;
    let path = format!("/api/pipelines/{}/cancel", veille["source_pipeline_id"].as_str().unwrap());
    assert_eq!(world.post(&path, &json!({})).await.status, 200);
    for _ in 0..3 {
        world.settle().await;
        world.bench.advance(Duration::minutes(5));
        world.tick().await;
    }
    let runs = world.runs(&veille).await;
    let states: Vec<_> = runs.iter().map(|run| run["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["cancelled", "done"]);
    assert_eq!(world.veille_now(&veille).await["run_count"], 1);
    assert_eq!(world.next_run(&veille).await["counts"]["unchanged"], 5, "against the run before it");
}

#[tokio::test]
async fn pages_newest_first() {
    let world = world().await;
    let (source, veille) = one_run(&world).await;
    let path = format!("/api/veille/{}/runs", veille["id"]);
    for number in 2..=8 {
        if number == 5 {
            source.answers(500, "");
            assert_eq!(world.next_run(&veille).await["status"], "failed");
            source.serves(&harness::outsend::veille::before_and_after()[1]);
        } else {
            assert_eq!(world.next_run(&veille).await["id"], number);
        }
    }
    let page = async |query: &str| world.get(&format!("{path}{query}")).await.json();
    let whole = page("").await;
    let ids: Vec<_> = whole["items"].as_array().unwrap().iter().map(|run| run["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!((&whole["total"], &whole["limit"], &whole["offset"]), (&json!(8), &json!(50), &json!(0)));
    let mut found: Vec<Value> = Vec::new();
    for offset in [0, 3, 6] {
        let part = page(&format!("?limit=3&offset={offset}")).await;
        assert_eq!((&part["total"], &part["limit"], &part["offset"]), (&json!(8), &json!(3), &json!(offset)));
        found.extend(part["items"].as_array().unwrap().clone());
    }
    assert_eq!(Value::from(found), whole["items"]);
    let beyond = page("?limit=500&offset=8").await;
    assert_eq!(beyond, json!({"items": [], "total": 8, "limit": 500, "offset": 8}));
    let (first, deep) =
        (world.cost(&format!("{path}?limit=2")).await, world.cost(&format!("{path}?limit=2&offset=6")).await);
    assert!(deep.sequential <= first.sequential + 1, "{first:?}; deep {deep:?}");
}

#[tokio::test]
async fn what_is_wrong_and_who_may_not() {
    let world = world().await;
    let (_, veille) = one_run(&world).await;
    let path = format!("/api/veille/{}/runs", veille["id"]);
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("offset=-1", "offset"),
        ("offset=x", "offset"),
    ] {
        let told = faults(&world.get(&format!("{path}?{query}")).await);
        assert_eq!((told.len(), told[0].0.as_str()), (1, field), "{query}");
    }
    assert_eq!(faults(&world.get(&format!("{path}?limit=0&offset=-1")).await).len(), 2, "both at once");
    let other = world.other("bob@example.com").await;
    for (caller, path) in [(&other, path.as_str()), (&world, "/api/veille/x/runs"), (&world, "/api/veille/2/runs")] {
        // the path is judged before the query
        for query in ["", "?limit=0"] {
            let answer = caller.get(&format!("{path}{query}")).await;
            assert_eq!((answer.status, detail(&answer).as_str()), (404, "Monitor not found."), "{path}{query}");
        }
    }
}

#[tokio::test]
async fn succeeds() {
    let world = world().await;
    let (_, veille) = one_run(&world).await;
    let answer = world.get(&format!("/api/veille/{}/runs?limit=10", veille["id"])).await;
    snapshot!("veille-runs", &answer);
}
