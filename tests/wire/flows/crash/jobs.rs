//! A server that is killed while jobs run: no row is lost or doubled, and every job ends (outsend 7.4 rule 3).

use std::{path::Path, time::Duration};

use engine::Module;
use harness::{
    dns, http,
    outsend::{
        cookie,
        jobs::{create, naive, table},
        sign_up_body,
    },
    process::{Folder, Running, start},
};
use local::data::{DataDirectory, Session};
use serde_json::{Value, json};
use shared::model::{Account, Email, Job, JobStatus};

/// Kills, unless `OUTSCOUT_TEST_KILLS` names another number.
const KILLS: u32 = 24;

/// A server that is killed and started again, and the account that has jobs there.
struct World<'a> {
    folder: &'a Path,
    variables: [(&'a str, &'a str); 1],
    server: Running,
    account: Option<Account>,
    session: String,
    left: u32,
    random: u64,
}

impl World<'_> {
    fn random(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % below
    }

    async fn store(&self) -> Session {
        Session::open(&DataDirectory::open(self.folder).unwrap()).await.unwrap()
    }

    fn kill(&mut self) {
        self.server.kill();
        self.server = start(self.folder, &self.variables);
        self.left -= 1;
    }

    /// Kills the server again and again until the job has ended, then says how it ended.
    async fn through(&mut self, id: shared::model::JobId) -> Job {
        for _ in 0..600 {
            if self.left > 0 {
                let pause = self.random(400);
                tokio::time::sleep(Duration::from_millis(pause)).await;
                self.kill();
            } else {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            let job = self.store().await.context.store().any_job(id).await.unwrap().unwrap();
            if !job.status.is_active() {
                return job;
            }
        }
        unreachable!("job {id} does not end");
    }

    async fn step(&mut self, module: Module, options: Value, source: Option<&Job>) -> Job {
        let account = self.account.clone().unwrap();
        let job = create(&self.store().await.context, &account, module, options, source).await;
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
    let kills = std::env::vars().find(|(name, _)| name == "OUTSCOUT_TEST_KILLS");
    let kills = kills.and_then(|(_, number)| number.parse().ok()).unwrap_or(KILLS);
    let folder = Folder::temporary();
    let server = dns::start().await.unwrap().to_string();
    let variables = [("OUTSCOUT_DNS_SERVER", server.as_str())];
    let running = start(&folder.0, &variables);
    let mut world = World {
        folder: &folder.0,
        variables,
        server: running,
        account: None,
        session: String::new(),
        left: kills,
        random: 20_261_124,
    };
    let body = sign_up_body("ada@example.com").to_string();
    let headers = [("Content-Type", "application/json")];
    let answer =
        http::send(&world.server.outsend, "POST", "/api/auth/signup", &headers, body.as_bytes()).await.unwrap();
    world.session = cookie(&answer);
    let email = Email::parse("ada@example.com").unwrap();
    world.account = world.store().await.context.store().account_by_email(&email).await.unwrap();
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
        let body = chunked(&answer.bytes);
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
        let told = String::from_utf8(chunked(&answer.bytes)).unwrap();
        assert_eq!((told.matches("event: log").count(), told.matches("event: done").count()), (1, 1), "{told}");
        if world.left == 0 {
            break;
        }
    }
    world.server.kill();
}

/// The data of a body in chunks.
fn chunked(body: &[u8]) -> Vec<u8> {
    let (mut data, mut rest) = (Vec::new(), body);
    loop {
        let line = rest.windows(2).position(|pair| pair == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap().trim(), 16).unwrap();
        if length == 0 {
            return data;
        }
        data.extend_from_slice(&rest[line + 2..line + 2 + length]);
        rest = &rest[line + 4 + length..];
    }
}
