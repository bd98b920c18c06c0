//! Ninety days of schedulers that race, miss ticks and find sources that fail: each slot runs as the rules say (outsend
//! 15.3).

use std::{collections::HashMap, sync::Arc};

use futures_util::future::join;
use harness::{
    Random,
    outsend::{
        jobs::World,
        veille::{at, table, world},
    },
    receiver::Receiver,
};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Active,
    Failed,
    Over,
}

/// A veille's schedule, the plain way.
struct Plain {
    veille: Value,
    every: Duration,
    next: OffsetDateTime,
    paused: bool,
    /// The slot of the last run, which attempt it is, and where it stands.
    last: Option<(OffsetDateTime, u32, State)>,
    /// Slots of all runs, and what became of them.
    runs: Vec<(OffsetDateTime, &'static str)>,
}

impl Plain {
    fn new(veille: Value) -> Self {
        let every = Duration::days(veille["frequency_days"].as_i64().unwrap());
        let next = at(&veille["created_at"]) + every;
        Self { veille, every, next, paused: false, last: None, runs: Vec::new() }
    }

    fn tick(&mut self, now: OffsetDateTime) {
        if self.paused {
            return;
        }
        let active = self.last.is_some_and(|(_, _, state)| state == State::Active);
        if self.next <= now {
            let slot = self.next;
            while self.next <= now {
                self.next += self.every;
            }
            if !active {
                self.start(slot, 1);
            }
        } else if let Some((slot, attempt, State::Failed)) = self.last
            && attempt < 3
        {
            self.start(slot, attempt + 1);
        }
    }

    fn start(&mut self, slot: OffsetDateTime, attempt: u32) {
        self.last = Some((slot, attempt, State::Active));
        self.runs.push((slot, "active"));
    }

    fn end(&mut self, failed: bool) {
        if let Some((slot, attempt, State::Active)) = self.last {
            self.last = Some((slot, attempt, if failed { State::Failed } else { State::Over }));
            self.runs.last_mut().unwrap().1 = if failed { "failed" } else { "done" };
        }
    }
}

/// Pauses a veille, or lets it go on.
async fn paused(world: &World, plain: &mut Plain, paused: bool) {
    let state = if paused { "paused" } else { "active" };
    let path = format!("/api/veille/{}", plain.veille["id"]);
    let answer = world.patch(&path, &json!({"status": state})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    plain.paused = paused;
    if !paused {
        let expected = plain.next.max(world.bench.context.clock().now());
        plain.next = at(&answer.json()["next_run_at"]);
        assert!((plain.next - expected).abs() <= Duration::seconds(2), "{}", answer.body);
    }
}

/// What the API has of a veille's runs is what the rules say.
async fn check(world: &World, plain: &Plain) {
    let mut runs = world.runs(&plain.veille).await;
    runs.reverse();
    let told: Vec<_> =
        runs.iter().map(|run| (at(&run["scheduled_for"]), run["status"].as_str().unwrap().to_owned())).collect();
    let expected: Vec<_> = plain.runs.iter().map(|(slot, state)| (*slot, (*state).to_owned())).collect();
    assert_eq!(told, expected, "every {}", plain.every);
    let ids: Vec<_> = runs.iter().map(|run| run["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (1..=runs.len() as u64).collect::<Vec<_>>());
    let mut of_slots: HashMap<OffsetDateTime, Vec<&str>> = HashMap::new();
    for (slot, state) in &told {
        of_slots.entry(*slot).or_default().push(state);
    }
    for (slot, states) in of_slots {
        let (last, before) = states.split_last().unwrap();
        assert!(states.len() <= 3 && before.iter().all(|state| *state == "failed"), "{slot}: {states:?}");
        assert!(["done", "failed"].contains(last), "{slot}: {states:?}");
    }
    let done: Vec<_> = runs.iter().filter(|run| run["status"] == "done").collect();
    let now = world.veille_now(&plain.veille).await;
    assert_eq!(now["run_count"], done.len());
    let last = done.last().unwrap();
    assert_eq!((&now["last_run_at"], &now["last_run_job_id"]), (&last["completed_at"], &last["job_id"]));
    assert_eq!(at(&now["next_run_at"]), plain.next);
}

#[tokio::test]
async fn fifty_days_as_the_rules_say() {
    let mut random = Random(90);
    let world = world().await;
    let rival = World {
        bench: Arc::new(world.bench.another_process()),
        session: world.session.clone(),
        key: world.key.clone(),
        account: world.account.clone(),
    };
    let source = Receiver::start().await.unwrap();
    let served = table(&[(1, "", "", "4", "1")]);
    source.serves(&served);
    let pipeline = world.importing(&source).await;
    let mut all = Vec::new();
    for days in [1, 3, 7] {
        all.push(Plain::new(world.veille(&pipeline, days).await));
    }
    let began = world.bench.context.clock().now();
    for day in 0..50 {
        // no tick at all, or some of them; slots begin with the days, so that no tick is near one
        for hour in (1..23).filter(|_| random.below(16) == 0).collect::<Vec<_>>() {
            world.until(began + Duration::days(day) + Duration::hours(hour));
            all.iter_mut().for_each(|plain| plain.tick(world.bench.context.clock().now()));
            join(world.tick(), rival.tick()).await;
            // some runs last until a later tick
            if random.below(5) > 0 {
                let failing = random.below(5) < 2;
                if failing {
                    source.answers(500, "")
                } else {
                    source.serves(&served)
                }
                world.settle().await;
                all.iter_mut().for_each(|plain| plain.end(failing));
            }
        }
        if day == 30 || day == 47 {
            world.until(began + Duration::days(day) + Duration::minutes(23 * 60 + 30));
            paused(&world, &mut all[1], day == 30).await;
        }
    }
    source.serves(&served);
    world.settle().await;
    for plain in &mut all {
        plain.end(false);
        assert!(plain.runs.iter().any(|(_, state)| *state == "failed"), "the seed shows it");
        check(&world, plain).await;
    }
    let started: usize = all.iter().map(|plain| plain.runs.len()).sum();
    assert_eq!(world.pipeline_now(&json!(pipeline)).await["run_count"], started + 1);
}
