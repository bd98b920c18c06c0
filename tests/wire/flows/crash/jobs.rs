//! A server that is killed while jobs run: no row is lost or doubled, and every job ends (outsend 7.4 rule 3).

use engine::Module;
use harness::{
    http,
    outsend::jobs::{create, naive, table},
};
use serde_json::{Value, json};
use shared::model::{Job, JobStatus};

use super::world::{self, World};

impl World {
    /// Kills the server again and again until the job has ended, then says how it ended.
    async fn through(&mut self, id: shared::model::JobId) -> Job {
        for _ in 0..600 {
            self.disturb(400).await;
            let job = self.store().await.context.store().any_job(id).await.unwrap().unwrap();
            if !job.status.is_active() {
                return job;
            }
        }
        unreachable!("job {id} does not end");
    }

    async fn step(&mut self, module: Module, options: Value, source: Option<&Job>) -> Job {
        let job = create(&self.store().await.context, &self.account, module, options, source).await;
        let ended = self.through(job.id).await;
        assert_eq!(
            (ended.status, ended.errors, Some(ended.processed)),
            (JobStatus::Done, 0, ended.planned),
            "{ended:?}"
        );
        ended
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_while_a_chain_runs() {
    let mut world = World::start(24).await;
    let (text, rows) = table();
    let expected = naive(&rows);
    loop {
        let import = world.step(Module::Import, json!({"source": "paste", "text": text}), None).await;
        assert_eq!(import.results, 10_000);
        let options = json!({"require_phone": true, "rating_min": 1, "nonsense": 1});
        let filter = world.step(Module::Filter, options, Some(&import)).await;
        let sort = world.step(Module::Sort, json!({"sort_by": "note", "top_n": 4_000}), Some(&filter)).await;
        let body = json!({"source_job_id": sort.id.to_string()}).to_string();
        let session = world.session.clone();
        let headers = [("Content-Type", "application/json"), ("Cookie", session.as_str())];
        let url = world.server.outsend.clone();
        let answer = http::send(&url, "POST", "/api/jobs/verify-emails", &headers, body.as_bytes()).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        let id = shared::model::JobId::parse(answer.json()["id"].as_str().unwrap()).unwrap();
        let verified = world.through(id).await;
        assert_eq!((verified.status, verified.errors), (JobStatus::Done, 0), "{verified:?}");
        let counts = verified.breakdown["by_status"].as_object().unwrap().values();
        assert_eq!(counts.map(|count| count.as_u64().unwrap()).sum::<u64>(), expected.len() as u64);
        let path = format!("/api/jobs/{id}/download");
        let answer =
            http::send(&world.server.outsend, "GET", &path, &[("Cookie", session.as_str())], b"").await.unwrap();
        let body = world::chunked(&answer.bytes);
        let found: Vec<Value> = serde_json::from_slice(&body).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|row| {
                let text = |name: &str| row[name].as_str().unwrap().to_owned();
                (text("nom"), text("email"), text("status"))
            })
            .collect();
        assert_eq!(found.len(), expected.len());
        let other = found.iter().zip(&expected).find(|(found, expected)| found != expected);
        assert_eq!(other, None, "what was found, and what should have been");
        // the log has no gap, and the stream of a job that is over tells its end once
        let path = format!("/api/jobs/{}/stream", filter.id);
        let headers = [("Cookie", session.as_str()), ("Last-Event-ID", "0")];
        let answer = http::send(&world.server.outsend, "GET", &path, &headers, b"").await.unwrap();
        let told = String::from_utf8(world::chunked(&answer.bytes)).unwrap();
        assert_eq!((told.matches("event: log").count(), told.matches("event: done").count()), (1, 1), "{told}");
        if world.left == 0 {
            break;
        }
    }
    world.server.kill();
}
