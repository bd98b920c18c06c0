//! A server that is killed while pipelines run: they come to the end that they come to undisturbed (outsend 14.4).

use std::{collections::HashMap, time::Duration};

use engine::Module;
use harness::{
    http,
    outsend::{
        jobs::create,
        pipelines::{before_verification, outcome, twenty},
    },
};
use serde_json::{Value, json};
use shared::model::JobId;

use super::world::World;

/// Kills, unless `OUTSCOUT_TEST_KILLS` names another number.
const KILLS: u32 = 10;
/// Kills of one run.
const OF_A_RUN: u32 = 5;

/// What a run comes to: its state, that of its nodes, and the rows of each.
#[derive(Clone, Debug, PartialEq)]
struct End {
    status: Value,
    nodes: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl World {
    /// Asks for a pipeline of twenty nodes, and is killed meanwhile. Its id, once there is one: a request that got no
    /// answer has made a whole pipeline, or none.
    async fn begun(&mut self, known: usize) -> Value {
        let body = json!({"name": "Twenty", "definition": twenty()}).to_string();
        loop {
            let (url, session) = (self.server.outsend.clone(), self.session.clone());
            let sent = body.clone();
            let post = tokio::spawn(async move {
                let headers = [("Content-Type", "application/json"), ("Cookie", session.as_str())];
                http::send(&url, "POST", "/api/pipelines", &headers, sent.as_bytes()).await.ok()
            });
            if self.left > 0 {
                let pause = self.random(80);
                tokio::time::sleep(Duration::from_millis(pause)).await;
                self.kill();
            }
            let answer = post.await.unwrap();
            let listed = self.get("/api/pipelines").await;
            let listed = listed.as_array().unwrap();
            match answer {
                Some(answer) if answer.status == 200 => {
                    assert_eq!((listed.len(), &listed[0]["id"]), (known + 1, &answer.json()["id"]));
                }
                Some(answer) => assert!(matches!(answer.status, 429 | 500), "{}", answer.body),
                None => {}
            }
            if listed.len() > known {
                return listed[0]["id"].clone();
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Kills the server a few times while the pipeline runs, and says what it came to in the end.
    async fn end(&mut self, id: &Value) -> End {
        let path = format!("/api/pipelines/{}", id.as_str().unwrap());
        // it gets on between the kills, so that they come at every stage of it
        let spared = self.left.saturating_sub(OF_A_RUN);
        for round in 1..=400 {
            if round % 40 == 0 {
                // a minute later what lost its lease is swept
                let body = json!({"advance_seconds": 61}).to_string();
                http::control(&self.server.control, "POST", "/_local/clock", &body).await.unwrap();
            }
            if self.left > spared {
                self.disturb(1_500).await;
            } else {
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            let shown = self.get(&path).await;
            if shown["status"] == "pending" || shown["status"] == "running" {
                continue;
            }
            let mut rows = Vec::new();
            for node in shown["nodes"].as_array().unwrap() {
                rows.push(match node["job_id"].as_str().filter(|_| node["status"] == "done") {
                    Some(job) => {
                        let page = self.get(&format!("/api/jobs/{job}/items?limit=1000")).await;
                        page["items"].as_array().unwrap().clone()
                    }
                    None => Vec::new(),
                });
            }
            return End { status: shown["status"].clone(), nodes: outcome(&shown), rows };
        }
        unreachable!("pipeline {id} does not end");
    }

    /// How often each pipeline has a job, and how often each event was told of each object.
    async fn counted(&self) -> (HashMap<String, usize>, HashMap<(String, String), usize>) {
        let (mut jobs, mut events) = (HashMap::new(), HashMap::new());
        let mut offset = 0;
        loop {
            let page = self.get(&format!("/api/jobs?limit=500&offset={offset}")).await;
            for job in page.as_array().unwrap() {
                *jobs.entry(job["pipeline_id"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
            }
            offset += 500;
            if page.as_array().unwrap().len() < 500 {
                break;
            }
        }
        let mut after = String::new();
        loop {
            let page = self.get(&format!("/api/events?limit=500{after}")).await;
            for event in page["events"].as_array().unwrap() {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                *events.entry((text(&event["event"]), text(&event["data"]["id"]))).or_default() += 1;
            }
            after = page["next"].as_str().map(|next| format!("&after={next}")).unwrap_or_default();
            if page["has_more"] == false {
                return (jobs, events);
            }
        }
    }

    /// An import with addresses, for a check of them.
    async fn addresses(&mut self) -> JobId {
        let rows: String = (0..500).map(|number| format!("a{number}@site{}.test\n", number % 7)).collect();
        let options = json!({"source": "paste", "text": format!("email\n{rows}")});
        let job = create(&self.store().await.context, &self.account, Module::Import, options, None).await;
        for _ in 0..600 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if self.get(&format!("/api/jobs/{}", job.id)).await["status"] == "done" {
                return job.id;
            }
        }
        unreachable!("the import does not end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_while_twenty_nodes_run() {
    let mut world = World::start(KILLS).await;
    let kills = std::mem::take(&mut world.left);
    let source = world.addresses().await;
    let checked = |session: local::data::Session, account: shared::model::Account| async move {
        json!(before_verification(&session.context, &account, source).await.to_string())
    };
    // undisturbed
    let mut made = vec![world.begun(0).await];
    let calm = world.end(&made[0]).await;
    assert_eq!((calm.status.clone(), calm.nodes.len(), calm.rows[0].len()), (json!("failed"), 20, 300));
    made.push(checked(world.store().await, world.account.clone()).await);
    let calm_check = world.end(&made[1]).await;
    assert_eq!((&calm_check.status, calm_check.rows[2].len()), (&json!("done"), 500));
    // and disturbed
    world.left = kills;
    while world.left > 0 {
        let twenty = world.begun(made.len()).await;
        let check = checked(world.store().await, world.account.clone()).await;
        assert_eq!(world.end(&twenty).await, calm);
        assert_eq!(world.end(&check).await, calm_check);
        made.extend([twenty, check]);
    }
    let (mut jobs, mut events) = world.counted().await;
    // what was done last is told a moment later
    for _ in 0..100 {
        if events.values().sum::<usize>() >= jobs.values().sum::<usize>() + made.len() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        (jobs, events) = world.counted().await;
    }
    println!("{kills} kills, {} pipelines, {} jobs", made.len(), jobs.values().sum::<usize>());
    assert_eq!(jobs.remove(""), Some(1), "the import by itself");
    assert_eq!(jobs.len(), made.len());
    for (number, id) in made.iter().enumerate() {
        let id = id.as_str().unwrap();
        // all but what follows the unreadable table, and all but the one that was there before
        assert_eq!(jobs[id], if number % 2 == 0 { 18 } else { 3 }, "{id}");
        let name = if number % 2 == 0 { "pipeline.failed" } else { "pipeline.completed" };
        assert_eq!(events.remove(&(name.to_owned(), id.to_owned())), Some(1), "{id}");
    }
    assert_eq!(events.len(), jobs.values().sum::<usize>() + 1, "one of each job, and of nothing else");
    assert!(events.iter().all(|((name, _), count)| name.starts_with("job.") && *count == 1), "{events:?}");
    world.server.kill();
}
