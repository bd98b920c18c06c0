//! What clients that exist send and expect (marked (C) in the Outsend contract): a node of a workflow automation such as
//! n8n, with a key and nothing else.

use harness::{
    Answer,
    outsend::{
        jobs::World,
        pipelines::{chain, pasted},
        webhooks::{self, failure},
    },
    receiver::{Received, Receiver},
};
use ring::hmac;
use serde_json::{Value, json};
use time::Duration;

/// A key of 64 hexadecimal digits, as such a node makes it.
const OWN: &str = "5f0c1e2d3b4a59687786a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// The node: every request has the key and both headers for JSON, those without a body, too.
struct Node<'a>(&'a World);

impl Node<'_> {
    async fn request(&self, method: &str, path: &str, body: &str) -> Answer {
        let headers =
            [("X-API-Key", self.0.key.as_str()), ("Accept", "application/json"), ("Content-Type", "application/json")];
        let answer = self.0.call(method, path, &headers, body).await;
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
        answer
    }

    async fn get(&self, path: &str) -> Value {
        self.request("GET", path, "").await.json()
    }

    /// Everything that a list has: pages of a hundred, until one is short.
    async fn all(&self, path: &str) -> Vec<Value> {
        let (mut all, mut pages) = (Vec::new(), 0);
        loop {
            let page = self.get(&format!("{path}?limit=100&offset={}", all.len())).await;
            let Value::Array(page) = page else { unreachable!("{path} is a bare array, and not {page}") };
            let short = page.len() < 100;
            (all, pages) = ([all, page].concat(), pages + 1);
            if short {
                assert_eq!(pages, all.len() / 100 + 1, "{path}");
                return all;
            }
            self.0.bench.advance(Duration::milliseconds(10));
        }
    }
}

fn ids(list: &[Value]) -> Vec<String> {
    list.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn lists_are_walked_until_a_short_page() {
    let world = World::with(&[("OUTSCOUT_EF_QUOTA_FREE", "")]).await;
    let node = Node(&world);
    assert!(node.request("GET", "/api/auth/me", "").await.json()["ok"] == true, "the test of the credential");
    for path in ["/api/jobs", "/api/pipelines"] {
        assert_eq!(node.request("GET", &format!("{path}?limit=100&offset=0"), "").await.body, "[]", "{path}");
    }
    let [mut jobs, mut pipelines] = [Vec::new(), Vec::new()];
    for number in 0..101 {
        let made = world.pipeline(chain(1)).await;
        pipelines.push(made["id"].as_str().unwrap().to_owned());
        jobs.push(made["nodes"][0]["job_id"].as_str().unwrap().to_owned());
        // the hundredth is there: a full page, and behind it an empty one
        if number == 99 {
            assert_eq!((node.all("/api/jobs").await.len(), node.all("/api/pipelines").await.len()), (100, 100));
        }
        world.bench.advance(Duration::seconds(3));
    }
    jobs.reverse();
    pipelines.reverse();
    assert_eq!(ids(&node.all("/api/jobs").await), jobs);
    assert_eq!(ids(&node.all("/api/pipelines").await), pipelines);
    // what comes while somebody walks moves nothing out of sight
    let first = node.get("/api/jobs?limit=100&offset=0").await;
    world.verification(&["a@one.test"]).await;
    let second = node.get("/api/jobs?limit=100&offset=100").await;
    let (first, second) = (ids(first.as_array().unwrap()), ids(second.as_array().unwrap()));
    assert!(first.len() == 100 && jobs.iter().all(|id| first.contains(id) || second.contains(id)));
}

#[tokio::test]
async fn a_pipeline_is_started_watched_and_read() {
    let world = World::start().await;
    let node = Node(&world);
    // no edge has an id, no node a place, and the last one no config
    let definition = json!({
        "nodes": [{"id": "in", "type": "import", "config": pasted(30)},
            {"id": "some", "type": "filter", "config": {"require_phone": true}}, {"id": "out", "type": "sort"}],
        "edges": [{"from": "in", "to": "some"}, {"from": "some", "to": "out"}],
    });
    let made = node.request("POST", "/api/pipelines", &json!({"definition": definition}).to_string()).await.json();
    assert_eq!((&made["name"], &made["status"], &made["progress"]), (&json!("Pipeline"), &json!("pending"), &json!(0)));
    assert!(made["nodes"][0]["job_id"].is_string() && made["final_job_id"].is_null());
    let path = format!("/api/pipelines/{}", made["id"].as_str().unwrap().to_uppercase());
    let mut progress = vec![0];
    for _ in 0..50 {
        world.background(&background_work::FUNCTION, &json!({})).await;
        world.react().await;
        let shown = node.get(&path).await;
        progress.push(shown["progress"].as_u64().unwrap());
        let of_nodes: u64 =
            shown["nodes"].as_array().unwrap().iter().map(|one| one["progress"].as_u64().unwrap()).sum();
        assert_eq!(progress.last(), Some(&(of_nodes / 3)));
        if shown["status"] == "done" {
            break;
        }
        world.bench.advance(Duration::seconds(1));
    }
    assert!(progress.is_sorted() && progress.last() == Some(&100), "{progress:?}");
    let done = node.get(&path).await;
    for entry in done["nodes"].as_array().unwrap() {
        let job = node.get(&format!("/api/jobs/{}", entry["job_id"].as_str().unwrap())).await;
        let told = (&job["status"], &job["results_count"], &job["pipeline_id"]);
        assert_eq!(told, (&entry["status"], &entry["results_count"], &done["id"]));
    }
    let output = done["final_job_id"].as_str().unwrap();
    assert_eq!(done["nodes"][2]["job_id"], output);
    let rows = node.get(&format!("/api/jobs/{output}/items?limit=100&offset=0")).await;
    let file = node.get(&format!("/api/jobs/{output}/download?format=json")).await;
    assert_eq!((rows["items"].as_array().unwrap().len(), &rows["total"]), (20, &json!(20)));
    assert_eq!(file.as_array().unwrap().len(), 20);
    // an enrichment of results by their job alone
    let rows = json!({"items": [{"email": "a@one.test"}]}).to_string();
    let source = node.request("POST", "/api/jobs/verify-emails", &rows).await.json();
    world.settle().await;
    let again = json!({"source_job_id": source["id"]}).to_string();
    let enriched = node.request("POST", "/api/jobs/verify-emails", &again).await.json();
    assert_eq!((&enriched["status"], &enriched["source_job_id"]), (&json!("pending"), &source["id"]));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a node does with a request before it starts a workflow.
fn verified(received: &Received, secret: &str) -> Option<Value> {
    let signed = received.header("x-outsend-signature").strip_prefix("sha256=")?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let digest = hmac::sign(&key, received.body.as_bytes());
    (hex(digest.as_ref()) == signed).then(|| serde_json::from_str(&received.body).unwrap())
}

#[tokio::test]
async fn a_trigger_registers_itself_and_takes_only_what_is_signed() {
    let world = webhooks::world().await;
    let (node, receiver) = (Node(&world), Receiver::start().await.unwrap());
    assert_eq!(node.request("GET", "/api/veille", "").await.body, r#"{"items":[]}"#);
    assert_eq!(node.request("GET", "/api/webhooks", "").await.body, r#"{"webhooks":[]}"#);
    // it looks for its own by URL and events before it makes one
    let body = json!({"url": receiver.url(), "events": ["job.failed", "pipeline.completed"], "secret": OWN});
    let made = node.request("POST", "/api/webhooks", &body.to_string()).await.json();
    assert_eq!((&made["url"], &made["events"], &made["secret"]), (&body["url"], &body["events"], &body["secret"]));
    let listed = node.get("/api/webhooks").await;
    let [known] = listed["webhooks"].as_array().unwrap().as_slice() else { unreachable!("{listed}") };
    assert_eq!((&known["id"], &known["url"], &known["events"]), (&made["id"], &body["url"], &body["events"]));
    assert!(known.get("secret").is_none());
    let job = failure(&world).await;
    let pipeline = world.pipeline(chain(3)).await;
    world.settle().await;
    let received = receiver.received();
    let bodies: Vec<_> = received.iter().map(|one| verified(one, OWN).expect("it is signed")).collect();
    let told: Vec<_> = bodies.iter().map(|one| (one["event"].as_str().unwrap(), &one["data"]["id"])).collect();
    assert_eq!(told, [("job.failed", &json!(job)), ("pipeline.completed", &pipeline["id"])]);
    assert_eq!((&bodies[1]["data"]["name"], &bodies[1]["data"]["progress"]), (&json!("Test"), &json!(100)));
    for (one, body) in received.iter().zip(&bodies) {
        assert!(one.line.starts_with("POST /in?x=1 ") && one.header("content-type") == "application/json");
        assert_eq!(one.header("x-outsend-event"), body["event"].as_str().unwrap());
        // the digits are no bytes, and nothing but the very bytes is signed
        let decoded: Vec<_> = (0..32).map(|at| u8::from_str_radix(&OWN[2 * at..2 * at + 2], 16).unwrap()).collect();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &decoded);
        assert!(!one.header("x-outsend-signature").ends_with(&hex(hmac::sign(&key, one.body.as_bytes()).as_ref())));
        assert_eq!(verified(one, &OWN.to_uppercase()), None);
        assert_eq!(verified(&Received { body: format!("{} ", one.body), ..one.clone() }, OWN), None);
    }
    let id = made["id"].as_str().unwrap();
    assert_eq!(node.request("DELETE", &format!("/api/webhooks/{id}"), "").await.body, r#"{"ok":true}"#);
    failure(&world).await;
    world.settle().await;
    assert_eq!(receiver.received().len(), 2, "a trigger that is off gets nothing");
}
