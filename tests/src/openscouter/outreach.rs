//! A team whose mails arrive, and the scheduler's jobs, for the tests of messages and reminders.

use serde_json::{Value, json};
use shared::store::SharedList;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{ask, data, team::Team, work};
use crate::{Answer, Bench, mails::World};

/// A team, and where its mails arrive.
#[derive(Debug)]
pub struct Post {
    /// The team.
    pub team: Team,
    world: World,
}

/// Lets the queue of drafts follow.
pub async fn queue_follows(bench: &Bench) {
    let (store, clock) = (bench.context.store(), bench.context.clock());
    let _aside = bench.faults.beside_functions();
    let _ = store.drain_left(SharedList::Messages, clock, clock.now() + Duration::seconds(30)).await;
}

/// The queue as somebody sees it.
pub async fn queue(bench: &Bench, credential: &str, query: &str) -> Answer {
    queue_follows(bench).await;
    ask(bench, credential, "GET", &format!("/api/outreach/queue{query}"), &Value::Null).await
}

/// Moves the clock to the next time that it is so many seconds past the hour.
pub fn to_second_of_hour(bench: &Bench, second: i64) {
    let now = bench.context.clock().now();
    let past =
        Duration::seconds(now.unix_timestamp().rem_euclid(3_600)) + Duration::nanoseconds(now.nanosecond().into());
    let wait = Duration::seconds(second) - past;
    bench.advance(if wait.is_negative() { wait + Duration::HOUR } else { wait });
}

impl Post {
    /// A team whose mails arrive.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// As [`Post::start`], with more variables.
    pub async fn with(more: &[(&str, &str)]) -> Self {
        let world = World::start().await;
        let control = world.0.control.clone();
        let mut variables = vec![
            ("OUTSCOUT_CRON_SECRET", "of-the-scheduler"),
            ("OUTSCOUT_MAIL_SENDER", "outscout@localhost"),
            ("OUTSCOUT_OPENSCOUTER_APP_URL", "https://app.example.com"),
            ("AWS_ENDPOINT_URL_SESV2", &*control),
        ];
        variables.extend(more);
        Self { team: Team::over(Bench::with(&variables).await.unwrap()).await, world }
    }

    /// Runs a job over HTTP.
    pub async fn run(&self, job: &str, body: &Value) -> Value {
        let path = format!("/api/cron/{job}");
        data(&ask(&self.team.bench, "Bearer of-the-scheduler", "POST", &path, body).await)
    }

    /// Does the work that waits, and gives the mails that arrived so far, which must be so many.
    pub async fn mails(&self, count: usize) -> Vec<Value> {
        work(&self.team.bench).await;
        self.world.mails(count).await
    }

    /// A study with a draft to the tester of a new account: the study, the account with its credential, the message.
    pub async fn draft(&self, change: &Value, email: &str) -> (String, shared::model::User, String, String) {
        let study = self.team.open_study(change).await;
        let (user, credential) = super::proposals::fitting(&self.team.bench, email).await;
        let body = json!({"jobId": study, "testerIds": [user.id.wire()]});
        let made = self.team.owner("POST", "/api/proposals", &body).await;
        let proposal = data(&made)["proposals"][0]["proposalId"].as_str().unwrap().to_owned();
        (study, user, credential, proposal.replace("prop_", "out_"))
    }
}

/// A time of an answer.
pub fn time_of(value: &Value) -> OffsetDateTime {
    OffsetDateTime::parse(value.as_str().unwrap(), &Rfc3339).unwrap()
}
