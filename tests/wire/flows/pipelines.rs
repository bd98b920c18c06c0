//! A pipeline from its creation to its end, whatever its signals do (outsend 14.4).

use engine::Module;
use harness::{
    faults::Fault,
    outsend::{
        jobs::World,
        pipelines::{before_verification, chain, definition, outcome, pasted, twenty},
    },
};
use serde_json::{Value, json};
use shared::{
    lambda::Function,
    model::{EventName, Pipeline, PipelineId, Trigger},
    outsend::pipelines::{first_run, judge},
};
use time::Duration;

/// The rows of each node's job.
async fn rows(world: &World, pipeline: &Value) -> Vec<Vec<Value>> {
    let mut all = Vec::new();
    for node in pipeline["nodes"].as_array().unwrap() {
        match node["job_id"].as_str().filter(|_| node["status"] == "done") {
            Some(id) => all.push(world.rows(id).await),
            None => all.push(Vec::new()),
        }
    }
    all
}

/// The names of what was announced of pipelines.
async fn told(world: &World) -> Vec<EventName> {
    let (store, now) = (world.bench.context.store(), world.bench.context.clock().now());
    let page = store.events_after(world.account.user.id, None, &[], 500, now).await.unwrap();
    let of_pipelines = [EventName::PipelineCompleted, EventName::PipelineFailed, EventName::PipelineCancelled];
    page.events.iter().map(|event| event.name).filter(|name| of_pipelines.contains(name)).collect()
}

/// Brings every record of work three times and in any order, several at once, while answers are lost; in between a sweep.
async fn disturbed(world: &World, seed: u64, fault: Fault) {
    let mut random = harness::Random(seed);
    for round in 0..400 {
        let store = world.bench.context.store();
        let due = store.due_work(world.bench.context.clock().now() + Duration::hours(1)).await.unwrap();
        if due.is_empty() {
            world.react().await;
            if store.due_work(world.bench.context.clock().now() + Duration::hours(1)).await.unwrap().is_empty() {
                return;
            }
            continue;
        }
        let mut records: Vec<(&'static dyn Function, Value)> = Vec::new();
        for id in due.iter().cycle().take(3 * due.len()) {
            let keys = json!({"pk": {"S": "WORK#0"}, "sk": {"S": format!("WORK#{id}")}});
            records.push((&background_work::FUNCTION, json!({"Records": [{"dynamodb": {"Keys": keys}}]})));
        }
        let keys = json!({"pk": {"S": "LANE#parallel"}, "sk": {"S": "LANE"}});
        records.push((&background_reactor::FUNCTION, json!({"Records": [{"dynamodb": {"Keys": keys}}]})));
        for place in (1..records.len()).rev() {
            records.swap(place, random.below(place + 1));
        }
        // some never come
        records.truncate(records.len() - records.len() / 4);
        if round % 3 != 2 {
            world.bench.faults.every(2 + random.below(6), fault);
        }
        for step in records.chunks(5) {
            let calls = step.iter().map(|(function, event)| world.bench.invoke(*function, event.to_string().into()));
            // a failed invocation is brought again, or its work is swept
            futures_util::future::join_all(calls).await;
        }
        world.bench.faults.stop();
        world.bench.advance(Duration::seconds(if round % 5 == 4 { 61 } else { 2 }));
        if round % 7 == 6 {
            world.background(&background_work::FUNCTION, &json!({})).await;
        }
    }
    unreachable!("the pipeline does not end");
}

#[tokio::test]
async fn twenty_nodes_come_to_the_same_end_whatever_happens_to_their_signals() {
    let world = World::with(&[("OUTSCOUT_EF_QUOTA_FREE", "")]).await;
    let calm = world.pipeline(twenty()).await;
    world.settle().await;
    let calm = world.pipeline_now(&calm["id"]).await;
    assert_eq!(calm["status"], "failed");
    let expected = (outcome(&calm), rows(&world, &calm).await);
    let failed = "\"c\" \"failed\" 0 0 \"Import source could not be read: there is no row in it.\"";
    assert!(expected.0.contains(&failed.to_owned()) && expected.0.contains(&"\"c2\" \"skipped\" 0 0 null".to_owned()));
    assert!(expected.0.contains(&"\"b3\" \"done\" 100 0 null".to_owned()), "{:?}", expected.0);
    assert_eq!(told(&world).await, [EventName::PipelineFailed]);
    for (seed, fault) in [(20_261_130, Fault::LostAnswer), (7, Fault::Conflict)] {
        let made = world.pipeline(twenty()).await;
        disturbed(&world, seed, fault).await;
        let ended = world.pipeline_now(&made["id"]).await;
        assert_eq!((outcome(&ended), &ended["status"]), (expected.0.clone(), &json!("failed")), "{fault:?}");
        assert_eq!(rows(&world, &ended).await, expected.1, "{fault:?}");
        // each child was made once
        let mut of_run = 0;
        for job in world.get("/api/jobs?limit=500").await.json().as_array().unwrap() {
            of_run += usize::from(job["pipeline_id"] == made["id"]);
        }
        assert_eq!(of_run, 18, "{fault:?}: all but what follows the unreadable table");
        world.bench.advance(Duration::minutes(1));
    }
    assert_eq!(told(&world).await, [EventName::PipelineFailed; 3]);
}

#[tokio::test]
async fn a_pipeline_goes_from_pending_to_done() {
    let world = World::start().await;
    let made = world.pipeline(chain(30)).await;
    assert_eq!((&made["status"], &made["progress"], &made["started_at"]), (&json!("pending"), &json!(0), &json!(null)));
    world.settle().await;
    let done = world.pipeline_now(&made["id"]).await;
    assert_eq!((&done["status"], &done["progress"]), (&json!("done"), &json!(100)));
    assert_eq!(done["final_job_id"], done["nodes"][2]["job_id"]);
    assert!(done["started_at"].is_string() && done["completed_at"].is_string());
    assert_eq!(
        outcome(&done),
        ["\"in\" \"done\" 100 30 null", "\"some\" \"done\" 100 20 null", "\"best\" \"done\" 100 4 null"]
    );
    let child = world.get(&format!("/api/jobs/{}", done["nodes"][1]["job_id"].as_str().unwrap())).await.json();
    assert_eq!((&child["source_job_id"], &child["pipeline_id"]), (&done["nodes"][0]["job_id"], &done["id"]));
    assert_eq!(world.get("/api/pipelines").await.json()[0]["status"], "done");
    assert_eq!(told(&world).await, [EventName::PipelineCompleted]);
    // the states of the nodes stay when the jobs expire, and a resumed job advances nothing
    world.bench.advance(Duration::days(8));
    world.settle().await;
    assert_eq!(world.pipeline_now(&made["id"]).await, done);
}

#[tokio::test]
async fn a_cancelled_job_ends_its_branch_and_a_missed_request_is_made_up_for() {
    let world = World::start().await;
    let graph = definition(
        &[("a", "import", pasted(9)), ("b", "sort", json!({})), ("c", "import", pasted(9)), ("d", "sort", json!({}))],
        &[("a", "b"), ("c", "d")],
    );
    let made = world.pipeline(graph.clone()).await;
    let job = made["nodes"][0]["job_id"].as_str().unwrap();
    assert_eq!(world.post(&format!("/api/jobs/{job}/cancel"), &json!({})).await.status, 200);
    world.settle().await;
    let ended = world.pipeline_now(&made["id"]).await;
    assert_eq!(ended["status"], "cancelled");
    let states: Vec<_> =
        ended["nodes"].as_array().unwrap().iter().map(|node| node["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["cancelled", "skipped", "done", "done"]);
    // the request dies behind its first write: nobody made the roots' jobs
    let (store, now) = (world.bench.context.store(), world.bench.context.clock().now());
    let id = PipelineId::generate();
    let pipeline = Pipeline {
        id,
        user: world.account.user.id,
        name: "lost".to_owned(),
        created_at: now,
        runs: 1,
        active: vec![1],
        veilles: Vec::new(),
        version: 1,
    };
    let run = first_run(id, &world.account, &judge(&graph).unwrap(), Trigger::Manual, now).unwrap();
    store.create_pipeline(&pipeline, &run, &graph.to_string()).await.unwrap();
    assert!(store.any_job(run.nodes[0].job.unwrap()).await.unwrap().is_none());
    world.settle().await;
    let ended = world.pipeline_now(&json!(id.to_string())).await;
    assert_eq!(
        (&ended["status"], &ended["nodes"][0]["job_id"]),
        (&json!("done"), &json!(run.nodes[0].job.unwrap().to_string()))
    );
}

#[tokio::test]
async fn a_child_over_usable_rows_and_one_that_cannot_be_made() {
    let world = World::start().await;
    let context = &world.bench.context;
    let table = |count: usize| {
        let rows: String = (0..count).map(|number| format!("a{number}@one.test\n")).collect();
        json!({"source": "paste", "text": format!("email\n{rows}nobody\nA0@one.test\n")})
    };
    let some = world.create(Module::Import, table(20), None).await;
    let many = world.create(Module::Import, table(10_001), None).await;
    let none = world.create(Module::Import, table(0), None).await;
    world.settle().await;
    let mut ids = Vec::new();
    for source in [&some, &many, &none] {
        ids.push(before_verification(context, &world.account, source.id).await);
        world.settle().await;
    }
    let shown = world.pipeline_now(&json!(ids[0].to_string())).await;
    assert_eq!(outcome(&shown)[2..], ["\"c\" \"done\" 100 20 null", "\"d\" \"done\" 100 20 null"]);
    let job = world.get(&format!("/api/jobs/{}", shown["nodes"][2]["job_id"].as_str().unwrap())).await.json();
    assert_eq!((&job["breakdown"]["ignored"], &job["grid_points_count"]), (&json!(1), &json!(20)));
    let shown = world.pipeline_now(&json!(ids[1].to_string())).await;
    let why = "\"Source has 10001 usable rows; the limit is 10000 items per job.\"";
    assert_eq!(outcome(&shown)[2..], [format!("\"c\" \"failed\" 0 0 {why}"), "\"d\" \"skipped\" 0 0 null".to_owned()]);
    assert_eq!((&shown["status"], &shown["nodes"][2]["job_id"]), (&json!("failed"), &json!(null)));
    let shown = world.pipeline_now(&json!(ids[2].to_string())).await;
    let first: Vec<_> = outcome(&shown)[2..].to_vec();
    assert_eq!(first, ["\"c\" \"done\" 100 1 null", "\"d\" \"done\" 100 1 null"]);
    // the rows are gone, and then the owner is not active
    world.bench.advance(Duration::days(8));
    world.settle().await;
    let gone = before_verification(context, &world.account, some.id).await;
    let shown = world.pipeline_now(&json!(gone.to_string())).await;
    assert_eq!(shown["nodes"][2]["error_message"], "Source results are no longer available.");
    let fresh = world.create(Module::Import, table(3), None).await;
    world.settle().await;
    let store = world.bench.context.store();
    let mut user = store.account(world.account.user.id).await.unwrap().unwrap().user;
    user.active = false;
    assert!(store.change_user(&user, shared::store::ChangeWith::default()).await.unwrap());
    let left = before_verification(context, &world.account, fresh.id).await;
    let shown = world.pipeline_now(&json!(left.to_string())).await;
    assert_eq!(shown["nodes"][2]["error_message"], "Account is deactivated.");
}
