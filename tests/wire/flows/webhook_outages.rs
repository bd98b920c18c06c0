//! Receivers that fail for a day, lead elsewhere, or are slow: nothing is lost, nothing goes to anybody else, and nobody
//! waits for them (outsend 16.2).

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use harness::{
    Random,
    outsend::{
        jobs::World,
        webhooks::{deliveries, failure, webhook, world},
    },
    receiver::Receiver,
};
use serde_json::{Value, json};
use shared::model::{Announcement, EventData, EventName};

/// What became of a webhook's deliveries: of each event of the feed one, with as many attempts as arrived, all with the
/// bytes of the feed. Where they stand, and how often each was tried.
async fn settled(world: &World, id: &str, receiver: &Receiver) -> Vec<(String, u64)> {
    let feed = world.get("/api/events?limit=500").await.json()["events"].as_array().unwrap().clone();
    let mut arrived: HashMap<String, u64> = HashMap::new();
    for one in receiver.received() {
        let event = feed.iter().find(|event| event["id"] == one.header("webhook-id")).expect("an event of the owner");
        assert_eq!(one.body, event.to_string());
        *arrived.entry(one.header("webhook-id").to_owned()).or_default() += 1;
    }
    let page = world.get(&format!("/api/webhooks/{id}/deliveries?limit=100")).await.json();
    let log = page["deliveries"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let by_event: HashMap<_, _> = log.iter().map(|one| (text(&one["event_id"]), one)).collect();
    assert_eq!((log.len(), by_event.len(), &page["total"]), (feed.len(), feed.len(), &json!(feed.len())));
    let one = |event: &Value| {
        let (id, delivery) = (text(&event["id"]), by_event[event["id"].as_str().unwrap()]);
        let attempts = delivery["attempts"].as_u64().unwrap();
        assert_eq!(arrived.get(&id).copied().unwrap_or(0), attempts, "{delivery}");
        (text(&delivery["status"]), attempts)
    };
    feed.iter().map(one).collect()
}

/// One of the ways in which a receiver fails, or not.
fn weather(random: &mut Random, receiver: &Receiver, trap: &Receiver, fair: bool) {
    match random.below(if fair { 8 } else { 5 }) {
        0 => receiver.answers(500, ""),
        1 => receiver.answers(503, "Retry-After: 900\r\n"),
        2 => receiver.answers(302, &format!("Location: {}\r\n", trap.url())),
        3 => receiver.answers(307, "Location: http://169.254.169.254/latest\r\n"),
        4 => receiver.answers(308, "Location: https://10.0.0.1/\r\n"),
        5 => receiver.takes_after(Duration::from_millis(300)),
        _ => receiver.answers(200, ""),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_outages_loses_nothing_and_leads_nowhere() {
    let world = world().await;
    let stranger = world.other("eve@example.com").await;
    let mut receivers = Vec::new();
    for _ in 0..5 {
        receivers.push(Receiver::start().await.unwrap());
    }
    let [flaky, dead, gone, of_stranger, trap] = receivers.as_slice() else { unreachable!() };
    let mut ids = Vec::new();
    for receiver in [flaky, dead, gone] {
        ids.push(webhook(&world, receiver, &["job.failed"]).await);
    }
    ids.push(webhook(&stranger, of_stranger, &["job.failed"]).await);
    let mut random = Random(20_261_130);
    let work = async || world.background(&background_work::FUNCTION, &json!({})).await;
    for step in 0..72 {
        if step % 3 == 0 {
            weather(&mut random, flaky, trap, true);
            weather(&mut random, dead, trap, false);
            weather(&mut random, gone, trap, true);
        }
        if random.below(2) == 0 || step == 35 {
            failure(&world).await;
        }
        if step % 6 == 0 {
            failure(&stranger).await;
        }
        if step == 35 {
            flaky.hangs();
        }
        work().await;
        world.bench.advance(time::Duration::minutes(20));
    }
    flaky.answers(204, "");
    gone.answers(410, "");
    failure(&world).await;
    for _ in 0..2 {
        work().await;
    }
    let told_off = gone.received().len();
    // nine attempts, each at the sweep behind its pause
    for _ in 0..64 {
        world.bench.advance(time::Duration::minutes(30));
        work().await;
    }
    let ended = settled(&world, &ids[0], flaky).await;
    // what met an outage at each of its attempts has failed
    let as_promised =
        |(status, attempts): &(String, u64)| status == "delivered" || (status == "failed" && *attempts == 9);
    assert!(ended.len() > 20 && ended.iter().all(as_promised), "{ended:?}");
    let taken_late = ended.iter().filter(|(status, attempts)| status == "delivered" && *attempts > 3);
    assert!(taken_late.count() > 3, "{ended:?}");
    let hung = "The server did not answer within 10 seconds.";
    assert!(deliveries(&world, &ids[1]).await.iter().all(|one| one["last_error"].as_str().unwrap() != hung));
    let ended = settled(&world, &ids[1], dead).await;
    assert!(ended.iter().all(|one| *one == ("failed".to_owned(), 9)), "{ended:?}");
    let ended = settled(&world, &ids[2], gone).await;
    assert!(ended.iter().all(|(status, _)| status != "pending"), "{ended:?}");
    assert!(ended.iter().any(|(status, attempts)| status == "failed" && *attempts < 9), "{ended:?}");
    assert_eq!(gone.received().len(), told_off, "who is gone gets nothing more");
    let listed = world.get("/api/webhooks").await.json()["webhooks"].clone();
    let reasons = json!([listed[0]["disabled_reason"], listed[1]["disabled_reason"], listed[2]["disabled_reason"]]);
    assert_eq!(reasons, json!([null, null, "The receiver answered 410."]));
    let ended = settled(&stranger, &ids[3], of_stranger).await;
    assert_eq!(ended, vec![("delivered".to_owned(), 1); 12], "others are told of nothing, and hindered by nothing");
    assert!(trap.received().is_empty(), "no redirect is followed");
}

#[tokio::test]
async fn a_name_that_turns_inward_is_not_connected_to() {
    let world = World::start().await;
    let inside = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    // it is public while it is judged, and this machine when it is used
    let url = format!("https://turns.example.com:{}/in", inside.local_addr().unwrap().port());
    let made = world.post("/api/webhooks", &json!({"url": url, "events": ["job.failed"]})).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    failure(&world).await;
    for _ in 0..2 {
        world.background(&background_work::FUNCTION, &json!({})).await;
    }
    let tested = world.post(&format!("/api/webhooks/{id}/test"), &json!({})).await.json();
    assert_eq!(tested["ok"], false);
    let log = deliveries(&world, &id).await;
    let told: Vec<_> = log.iter().map(|one| (&one["event"], &one["last_error"])).collect();
    let why = json!("The host is not public.");
    assert_eq!(told, [(&json!("ping"), &why), (&json!("job.failed"), &why)]);
    let knocked = tokio::time::timeout(Duration::from_millis(200), inside.accept()).await;
    assert!(knocked.is_err(), "somebody came: {knocked:?}");
}

/// A second's events of a busy account.
const EVENTS: usize = 100;
/// Parts of the stream, of which each hands on ten records at a time.
const PARTS: usize = 8;

/// Publishes events of a user.
async fn publish(world: &World, count: usize) {
    let (store, now) = (world.bench.context.store(), world.bench.context.clock().now());
    for number in 0..count {
        let (user, data) = (world.account.user.id, EventData::Json(json!({"number": number}).to_string()));
        let announcement =
            Announcement { user, name: EventName::JobFailed, reference: format!("test-{number}"), at: now, data };
        store.announce(&announcement).await.unwrap();
        store.publish(&announcement, "{}", now).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_slow_receiver_of_a_hundred_events_a_second_holds_nobody_back() {
    let world = world().await;
    let stranger = world.other("eve@example.com").await;
    let (slow, beside, other) =
        (Receiver::start().await.unwrap(), Receiver::start().await.unwrap(), Receiver::start().await.unwrap());
    // what it takes in the end is no failure
    slow.takes_after(Duration::from_secs(5));
    let id = webhook(&world, &slow, &["job.failed"]).await;
    webhook(&world, &beside, &["job.failed"]).await;
    webhook(&stranger, &other, &["job.failed"]).await;
    publish(&world, EVENTS).await;
    publish(&stranger, 4).await;
    let due = world.bench.context.store().due_work(world.bench.context.clock().now()).await.unwrap();
    let mine = world.account.user.id.to_string();
    let (ours, theirs): (Vec<_>, Vec<_>) =
        due.into_iter().filter(|id| id.starts_with("deliver-")).partition(|id| id.contains(&mine));
    assert_eq!((ours.len(), theirs.len()), (2 * EVENTS, 4));
    let mut parts = vec![Vec::new(); PARTS];
    // those of the stranger are the last ones
    for (place, id) in ours.into_iter().chain(theirs).enumerate() {
        parts[place % PARTS]
            .push(json!({"dynamodb": {"Keys": {"pk": {"S": "WORK#0"}, "sk": {"S": format!("WORK#{id}")}}}}));
    }
    let began = Instant::now();
    let parts = parts.iter().map(|records| async {
        for batch in records.chunks(10) {
            world.background(&background_work::FUNCTION, &json!({ "Records": batch })).await;
        }
    });
    futures_util::future::join_all(parts).await;
    let arrived = || (other.received().len(), beside.received().len(), slow.received().len());
    println!("the stream was through after {:?}: {:?}", began.elapsed(), arrived());
    assert!(slow.received().len() <= 4 * PARTS, "a second answer is waited for");
    // nothing of what waits is lost
    let page = world.get(&format!("/api/webhooks/{id}/deliveries?limit=100")).await.json();
    let log = page["deliveries"].as_array().unwrap();
    let taken = log.iter().filter(|one| one["status"] == "delivered").count();
    assert_eq!((log.len(), slow.received().len()), (EVENTS, taken));
    assert!(log.iter().all(|one| one["status"] == "delivered" || one["attempts"] == 0));
    world.bench.advance(time::Duration::seconds(6));
    world.background(&background_work::FUNCTION, &json!({})).await;
    assert!(slow.received().len() > taken, "the sweep goes on with it");
    // what this very machine was slow with has not waited either
    assert_eq!((other.received().len(), beside.received().len()), (4, EVENTS));
}
