use std::{collections::HashMap, sync::Mutex};

use super::*;
use crate::{
    Module,
    delivery::Placement,
    web::testing::{Alone, Shelf},
};

type Found = Result<Option<Arrival>, Unread>;

/// Mailboxes in memory: what each has, and which were looked into.
#[derive(Default)]
struct Desk {
    found: Mutex<HashMap<String, Found>>,
    asked: Mutex<Vec<String>>,
}

impl Network for Desk {
    fn mailbox<'a>(&'a self, seed: &'a Seed, wanted: &'a Wanted) -> BoxFuture<'a, Found> {
        Box::pin(async move {
            assert_eq!((wanted.domain.as_str(), wanted.since), ("acme.test", 1_000));
            self.asked.lock().unwrap().push(seed.email.clone());
            self.found.lock().unwrap().get(&seed.email).cloned().unwrap_or(Ok(None))
        })
    }
}

impl Desk {
    fn put(&self, email: &str, found: Found) {
        self.found.lock().unwrap().insert(email.to_owned(), found);
    }

    /// The run that begins `now` seconds after the job.
    fn run(self: &Arc<Self>, now: i64, seen: Vec<Seen>) -> Box<dyn Run> {
        let seeds = ["a", "b", "c"]
            .map(|name| format!(r#"{{"email":"{name}@s.test","kind":"k{name}","host":"h","password":"p"}}"#))
            .join(",");
        let seeds = Seed::parse_all(&format!("[{seeds}]")).unwrap();
        let spec = Spec {
            module: Module::DeliveryCheck,
            options: serde_json::from_value(json!({"domain": "acme.test"})).unwrap(),
            planned: (!seen.is_empty()).then_some(seen.len() as u64),
            done: 0,
            produced: 0,
            tries: 0,
            refused: 0,
            watch: Watch { started: 1_000, now: 1_000 + now, seen },
        };
        let services = Arc::new(Services { seeds, ..Services::default() });
        let network: Arc<dyn Network> = Arc::<Self>::clone(self);
        start(&spec, Means { network, hosts: Arc::new(Alone::default()), services, assets: Arc::new(Shelf::default()) })
            .unwrap()
    }

    /// The step of a poll.
    async fn poll(self: &Arc<Self>, now: i64, seen: &[Seen]) -> Step {
        self.run(now, seen.to_vec()).step().await.unwrap().unwrap()
    }
}

fn arrival(placement: Placement, at: i64) -> Found {
    Ok(Some(Arrival { placement, subject: "Hello".to_owned(), at }))
}

#[tokio::test(start_paused = true)]
async fn a_check_ends_when_all_mailboxes_have_mail() {
    let desk = Arc::new(Desk::default());
    let step = desk.poll(0, &[]).await;
    let seen = step.seen.unwrap();
    assert_eq!((step.items, step.again_after, seen.len(), step.rows.len()), (0, None, 3, 0));
    assert_eq!(json!(seen[1].row), json!(["b@s.test", "kb", "", "", "", ""]));
    assert!(desk.asked.lock().unwrap().is_empty(), "the mailboxes are told before they are asked");
    desk.put("b@s.test", arrival(Placement::Spam, 1_059));
    let step = desk.poll(60, &seen).await;
    assert_eq!((step.items, step.again_after, step.attempts, step.ends), (0, Some(INTERVAL), 3, false));
    let seen = step.seen.unwrap();
    assert_eq!(json!(seen[1].row), json!(["b@s.test", "kb", "received", "Spam", "Hello", "< 1 min"]));
    desk.put("a@s.test", arrival(Placement::Inbox, 1_125));
    desk.put("c@s.test", arrival(Placement::Tab("Promotions"), 1_060));
    desk.asked.lock().unwrap().clear();
    let mut run = desk.run(130, seen);
    let step = run.step().await.unwrap().unwrap();
    assert_eq!(*desk.asked.lock().unwrap(), ["a@s.test", "c@s.test"], "one with mail is not asked again");
    assert_eq!((step.items, step.failed, step.attempts, step.ends, step.again_after), (3, 0, 2, true, None));
    let told: Vec<_> = step.rows.iter().map(|row| json!([row[0], row[3], row[5]])).collect();
    let tab = json!(["c@s.test", "Inbox · Promotions", "1 min"]);
    let first = json!(["a@s.test", "Inbox principal", "2 min"]);
    assert_eq!(told, [first, json!(["b@s.test", "Spam", "< 1 min"]), tab]);
    assert!(run.step().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_check_ends_after_its_time_with_what_there_is() {
    let desk = Arc::new(Desk::default());
    let seen = desk.poll(0, &[]).await.seen.unwrap();
    desk.put("a@s.test", Err(Unread::Login));
    let step = desk.poll(890, &seen).await;
    assert_eq!((step.again_after, step.failed, step.ends), (Some(Duration::from_secs(10)), 0, false));
    assert_eq!(step.log[0].message, "Mailbox a@s.test was not looked into: it refused the login.");
    let seen = step.seen.unwrap();
    let step = desk.poll(900, &seen).await;
    assert!(step.log.is_empty(), "it is told once");
    assert_eq!((step.items, step.failed, step.rows.len(), step.ends), (3, 1, 3, true));
    assert!(step.rows.iter().all(|row| row[2] == ""));
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_that_is_not_configured_any_more_stays_pending() {
    let desk = Arc::new(Desk::default());
    let mut seen = desk.poll(0, &[]).await.seen.unwrap();
    seen[0].row[0] = json!("old@s.test");
    let step = desk.poll(30, &seen).await;
    assert_eq!(step.log[0].message, "Mailbox old@s.test was not looked into: it is not configured any more.");
    assert_eq!(step.seen.unwrap().len(), 3);
}
