//! `GET /api/jobs/{id}/stream`: a job's progress, live (outsend 10).

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use harness::{outsend::jobs::World, snapshot};
use serde_json::{Value, json};
use shared::{
    lambda::{Reply, Streamed},
    model::JobId,
};

/// One frame: its id, its event, its data.
type Frame = (Option<u64>, String, Value);

struct Consumer {
    streamed: Streamed,
    text: String,
}

impl Consumer {
    async fn open(world: &World, id: &str, last: Option<&str>) -> Self {
        let headers: Vec<_> = last.map(|last| ("last-event-id", last)).into_iter().collect();
        Self::with(world, id, &headers).await
    }

    async fn with(world: &World, id: &str, headers: &[(&str, &str)]) -> Self {
        let reply = world.open(&format!("/api/jobs/{id}/stream"), headers).await;
        let Reply::Streamed(streamed) = reply else { unreachable!("not streamed") };
        assert_eq!(streamed.status, 200);
        let header = |name: &str| {
            let found = streamed.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        assert_eq!(header("content-type"), "text/event-stream");
        assert_eq!(header("cache-control"), "no-cache, no-transform");
        assert_eq!(header("x-accel-buffering"), "no");
        let mut consumer = Self { streamed, text: String::new() };
        let first = consumer.block().await.unwrap();
        consumer.text = format!("{}\n\n{}", first.strip_prefix("retry: 3000\n").unwrap(), consumer.text);
        consumer
    }

    /// The next block up to a blank line; `None` at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            let piece = self.streamed.body.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    async fn next(&mut self) -> Option<Frame> {
        let block = self.block().await?;
        let mut frame = (None, String::new(), Value::Null);
        for line in block.lines() {
            match line.split_once(": ").unwrap() {
                ("id", id) => frame.0 = Some(id.parse().unwrap()),
                ("event", event) => frame.1 = event.to_owned(),
                ("data", data) => frame.2 = serde_json::from_str(data).unwrap(),
                other => unreachable!("{other:?}"),
            }
        }
        assert_eq!(frame.0.is_some(), frame.1 == "log", "only log lines carry ids");
        Some(frame)
    }

    async fn rest(mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }
}

fn names(frames: &[Frame]) -> String {
    frames.iter().map(|(_, name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
}

async fn logged(world: &World, id: &str, lines: usize, items: u64) {
    let store = world.bench.context.store();
    let job = world.job(id).await;
    let log = (0..lines).map(|number| engine::Line {
        level: engine::Level::Info,
        message: format!("line {}", job.log_last + number as u64 + 1),
    });
    let step = engine::Step { items, log: log.collect(), ..engine::Step::default() };
    store.commit(&job, &step, world.bench.context.clock().now()).await.unwrap();
}

async fn running(world: &World) -> String {
    let id = world.verification(&["a@one.test", "b@one.test", "c@one.test"]).await;
    world.react().await;
    world.bench.context.store().take_job(JobId::parse(&id).unwrap(), false).await.unwrap().unwrap();
    id
}

#[tokio::test]
async fn a_running_job_from_its_first_status_to_its_done() {
    let world = World::start().await;
    let id = running(&world).await;
    logged(&world, &id, 3, 0).await;
    let began = Instant::now();
    let mut consumer = Consumer::open(&world, &id, None).await;
    let (_, name, data) = consumer.next().await.unwrap();
    assert!(began.elapsed() < Duration::from_millis(400), "at once");
    let expected = json!({"id": id, "status": "running", "processed_points": 0, "grid_points_count": 3, "results_count": 0,
        "error_count": 0, "download_available": false, "query_stats": {}});
    assert_eq!((name.as_str(), data.to_string()), ("status", expected.to_string()));
    let (_, name, _) = consumer.next().await.unwrap();
    assert_eq!(name, "status", "no line of the past without Last-Event-ID");
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(1_900), "{waited:?}");
    logged(&world, &id, 2, 1).await;
    for seq in [4, 5] {
        let (found, name, data) = consumer.next().await.unwrap();
        assert_eq!((found, name.as_str()), (Some(seq), "log"));
        assert_eq!((&data["message"], &data["level"]), (&json!(format!("line {seq}")), &json!("info")));
        assert_eq!(data["timestamp"].as_str().unwrap().len(), 20);
    }
    logged(&world, &id, 1, 2).await;
    let frames = consumer.rest().await;
    let told = names(&frames);
    assert!(told.trim_start_matches("status ") == "log status done", "{told}");
    let (_, _, done) = frames.last().unwrap();
    assert_eq!((&done["id"], &done["status"], &done["results_count"]), (&json!(id), &json!("done"), &json!(0)));
    assert!(done["duration_seconds"].as_i64().is_some_and(|seconds| (0..60).contains(&seconds)));
    assert_eq!(frames[frames.len() - 2].2["status"], "done", "the final status comes before");

    // what is over is told once more, with the lines that were missed
    for (last, expected) in [
        (None, "status done"),
        (Some("x"), "status done"),
        (Some("5"), "status log done"),
        (Some("0"), "status log log log log log log done"),
        (Some("99"), "status done"),
    ] {
        let frames = Consumer::open(&world, &id, last).await.rest().await;
        assert_eq!(names(&frames), expected, "{last:?}");
        let seqs: Vec<_> = frames.iter().filter_map(|frame| frame.0).collect();
        assert!(seqs.windows(2).all(|pair| pair[0] + 1 == pair[1]));
    }
    world.bench.advance(time::Duration::days(8));
    let frames = Consumer::open(&world, &id, Some("0")).await.rest().await;
    assert_eq!(
        (names(&frames).as_str(), &frames[0].2["status"], &frames[1].2["status"]),
        ("status done", &json!("expired"), &json!("expired"))
    );
}

#[tokio::test]
async fn a_stream_ends_when_its_caller_may_no_longer_read() {
    let world = World::start().await;
    let id = running(&world).await;
    let open = || Consumer::open(&world, &id, None);
    let (mut one, mut two) = (open().await, open().await);
    let mut french = Consumer::with(&world, &id, &[("accept-language", "fr")]).await;
    assert_eq!(one.next().await.unwrap().1, "status");
    assert_eq!(french.next().await.unwrap().1, "status");
    assert_eq!(two.next().await.unwrap().1, "status");
    let store = world.bench.context.store();
    let mut user = store.account(world.account.user.id).await.unwrap().unwrap().user;
    user.active = false;
    assert!(store.change_user(&user, shared::store::ChangeWith::default()).await.unwrap());
    let frames = one.rest().await;
    assert_eq!(
        frames,
        [(None, "error".to_owned(), json!({"code": "forbidden", "message": "Account is deactivated."}))]
    );
    let (_, _, said) = french.rest().await.pop().unwrap();
    assert_eq!(said["message"], "Compte désactivé.", "in the caller's language");
    let ended = shared::store::Ending::Cancelled;
    let job =
        store.end_job(JobId::parse(&id).unwrap(), ended, world.bench.context.clock().now()).await.unwrap().unwrap();
    assert!(store.delete_job(&job, world.bench.context.clock().now()).await.unwrap());
    let (_, name, data) = two.rest().await.pop().unwrap();
    assert!(name == "error" && ["not_found", "forbidden"].contains(&data["code"].as_str().unwrap()), "{data}");
}

#[tokio::test]
async fn old_lines_are_dropped_and_no_line_is_told_twice() {
    let world = World::start().await;
    let id = running(&world).await;
    for _ in 0..11 {
        logged(&world, &id, 1_000, 0).await;
    }
    world.post(&format!("/api/jobs/{id}/cancel"), &json!({})).await;
    let frames = Consumer::open(&world, &id, Some("0")).await.rest().await;
    let seqs: Vec<_> = frames.iter().filter_map(|frame| frame.0).collect();
    assert_eq!(seqs, (1_001..=11_000).collect::<Vec<_>>());
    assert_eq!(frames.last().unwrap().2["status"], "cancelled");
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let id = world.verification(&["a@one.test", "b@nx.test"]).await;
    world.settle().await;
    let answer = world.call("GET", &format!("/api/jobs/{id}/stream"), &[("x-api-key", &world.key)], "").await;
    snapshot!("jobs-stream", &answer);
}
