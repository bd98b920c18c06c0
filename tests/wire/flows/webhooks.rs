//! Events on their way to receivers that take them, fail, hang, lead astray or are gone (outsend 16.2).

use std::collections::HashSet;

use harness::{
    faults::Fault,
    http,
    outsend::{
        jobs::World,
        webhooks::{SECRET, all_attempts, deliveries, failure, webhook, world},
    },
    process::outscout,
    receiver::Receiver,
};
use serde_json::{Value, json};
use shared::{
    model::{Attempt, Delivery, FeedEventId, Redelivery},
    outsend::{format::timestamp, webhooks::signed_headers},
};
use time::{Duration, OffsetDateTime};

/// Does what is due now, and what follows from it at once.
async fn work(world: &World) {
    for _ in 0..2 {
        world.background(&background_work::FUNCTION, &json!({})).await;
    }
}

#[tokio::test]
async fn an_event_goes_to_each_webhook_that_wants_it() {
    let world = world().await;
    let (one, other) = (Receiver::start().await.unwrap(), Receiver::start().await.unwrap());
    let wanting = webhook(&world, &one, &["job.failed", "job.completed"]).await;
    let not = webhook(&world, &other, &["job.completed"]).await;
    let stranger = world.other("eve@example.com").await;
    webhook(&stranger, &other, &["job.failed"]).await;
    let job = failure(&world).await;
    world.settle().await;
    let received = one.received();
    assert_eq!((received.len(), other.received().len()), (1, 0));
    let envelope = world.get("/api/events").await.json()["events"][0].clone();
    assert_eq!(received[0].body, envelope.to_string(), "the same bytes as in the feed");
    assert_eq!((&envelope["event"], &envelope["data"]["id"]), (&json!("job.failed"), &json!(job)));
    let at = OffsetDateTime::from_unix_timestamp(received[0].header("webhook-timestamp").parse().unwrap()).unwrap();
    let id = envelope["id"].as_str().unwrap();
    for (name, value) in signed_headers(SECRET, (id, "job.failed"), at, &received[0].body) {
        assert_eq!(received[0].header(name), value, "{name}");
    }
    let log = deliveries(&world, &wanting).await;
    assert_eq!((log.len(), &log[0]["status"], &log[0]["attempts"]), (1, &json!("delivered"), &json!(1)));
    assert_eq!((&log[0]["event_id"], &log[0]["last_status_code"]), (&json!(id), &json!(204)));
    assert!(deliveries(&world, &not).await.is_empty());
}

#[tokio::test]
async fn what_fails_is_tried_nine_times_with_the_same_bytes() {
    let world = world().await;
    let receiver = Receiver::start().await.unwrap();
    receiver.answers(500, "");
    let id = webhook(&world, &receiver, &["job.failed"]).await;
    failure(&world).await;
    work(&world).await;
    for pause in [30, 120, 600, 1_800, 5_400, 14_400, 28_800, 36_000] {
        let log = deliveries(&world, &id).await;
        let tried = receiver.received().len();
        assert_eq!((&log[0]["status"], &log[0]["attempts"]), (&json!("pending"), &json!(tried)));
        world.bench.advance(Duration::seconds(pause * 85 / 100));
        work(&world).await;
        assert_eq!(receiver.received().len(), tried, "not before its time");
        world.bench.advance(Duration::seconds(pause * 27 / 100));
        work(&world).await;
        assert_eq!(receiver.received().len(), tried + 1);
    }
    world.bench.advance(Duration::days(1));
    work(&world).await;
    let received = receiver.received();
    assert_eq!(received.len(), 9);
    assert!(
        received
            .iter()
            .all(|one| one.body == received[0].body && one.header("webhook-id") == received[0].header("webhook-id"))
    );
    let signed: std::collections::HashSet<_> = received.iter().map(|one| one.header("webhook-signature")).collect();
    assert_eq!(signed.len(), 9, "each attempt is signed with its own time");
    let log = deliveries(&world, &id).await;
    assert_eq!((&log[0]["status"], &log[0]["attempts"]), (&json!("failed"), &json!(9)));
    assert_eq!(log[0]["last_error"], "The server answered with status 500.");
    let listed = world.get("/api/webhooks").await.json()["webhooks"][0].clone();
    assert_eq!((&listed["active"], &listed["last_status_code"]), (&json!(true), &json!(500)));
    // five days without a success are enough
    world.bench.advance(Duration::days(4));
    failure(&world).await;
    work(&world).await;
    world.bench.advance(Duration::seconds(6));
    work(&world).await;
    let listed = world.get("/api/webhooks").await.json()["webhooks"][0].clone();
    assert_eq!(
        (&listed["active"], &listed["disabled_reason"]),
        (&json!(false), &json!("No delivery succeeded for 5 days."))
    );
    assert_eq!(deliveries(&world, &id).await[0]["status"], "failed");
    failure(&world).await;
    work(&world).await;
    assert_eq!((receiver.received().len(), deliveries(&world, &id).await.len()), (10, 2), "nothing is sent any more");
}

#[tokio::test]
async fn a_receiver_that_comes_back_gets_it_once_more() {
    let world = world().await;
    let receiver = Receiver::start().await.unwrap();
    receiver.answers(503, "Retry-After: 600\r\n");
    let id = webhook(&world, &receiver, &["job.failed"]).await;
    failure(&world).await;
    work(&world).await;
    receiver.answers(200, "");
    world.bench.advance(Duration::seconds(590));
    work(&world).await;
    assert_eq!(receiver.received().len(), 1, "it asked to be left alone");
    world.bench.advance(Duration::seconds(15));
    work(&world).await;
    world.settle().await;
    let log = deliveries(&world, &id).await;
    assert_eq!(
        (receiver.received().len(), &log[0]["status"], &log[0]["attempts"]),
        (2, &json!("delivered"), &json!(2))
    );
    assert_eq!((&log[0]["last_error"], &log[0]["next_attempt_at"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn who_is_gone_is_disabled_and_who_is_deleted_gets_nothing() {
    let world = world().await;
    let (gone, deleted) = (Receiver::start().await.unwrap(), Receiver::start().await.unwrap());
    gone.answers(410, "");
    deleted.answers(500, "");
    let (id, other) = (webhook(&world, &gone, &["job.failed"]).await, webhook(&world, &deleted, &["job.failed"]).await);
    failure(&world).await;
    work(&world).await;
    let listed = world.get("/api/webhooks").await.json()["webhooks"][0].clone();
    assert_eq!((&listed["active"], &listed["disabled_reason"]), (&json!(false), &json!("The receiver answered 410.")));
    assert_eq!(deliveries(&world, &id).await[0]["status"], "failed");
    assert_eq!(world.delete(&format!("/api/webhooks/{other}")).await.status, 200);
    failure(&world).await;
    world.bench.advance(Duration::minutes(1));
    world.settle().await;
    assert_eq!((gone.received().len(), deleted.received().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_hangs_holds_nobody_back() {
    let world = std::sync::Arc::new(world().await);
    let (slow, quick) = (Receiver::start().await.unwrap(), Receiver::start().await.unwrap());
    slow.hangs();
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(webhook(&world, &slow, &["job.failed"]).await);
    }
    let stranger = world.other("eve@example.com").await;
    let healthy = webhook(&stranger, &quick, &["job.failed"]).await;
    for _ in 0..3 {
        failure(&world).await;
    }
    failure(&stranger).await;
    // what waits for a receiver is due at once then
    let (store, now) = (world.bench.context.store(), world.bench.context.clock().now());
    let publish = store.due_work(now).await.unwrap().into_iter().filter(|id| id.starts_with("publish-"));
    let record = |id: String| json!({"dynamodb": {"Keys": {"pk": {"S": "WORK#0"}, "sk": {"S": format!("WORK#{id}")}}}});
    let records: Vec<_> = publish.map(record).collect();
    assert_eq!(records.len(), 4);
    world.background(&background_work::FUNCTION, &json!({ "Records": records })).await;
    let began = std::time::Instant::now();
    let working = tokio::spawn({
        let world = std::sync::Arc::clone(&world);
        async move { work(&world).await }
    });
    while quick.received().is_empty() {
        assert!(began.elapsed().as_secs() < 8, "it waits for others");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    working.await.unwrap();
    assert!(began.elapsed().as_secs() < 45, "an invocation ends inside the function's time");
    assert_eq!(deliveries(&stranger, &healthy).await[0]["status"], "delivered");
    let tried = deliveries(&world, &ids[0]).await;
    let told: Vec<_> = tried.iter().filter_map(|one| one["last_error"].as_str()).collect();
    assert!(told.contains(&"The server did not answer within 10 seconds."), "{told:?}");
}

/// Asks for what failed since a time.
async fn redeliver(world: &World, webhook: &str, since: OffsetDateTime) {
    let answer = world.post(&format!("/api/webhooks/{webhook}/redeliver"), &json!({"since": timestamp(since)})).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"ok":true}"#));
}

/// How many deliveries of a webhook stand where.
async fn statuses(world: &World, webhook: &str) -> [usize; 3] {
    let log = deliveries(world, webhook).await;
    ["pending", "delivered", "failed"].map(|status| log.iter().filter(|one| one["status"] == status).count())
}

#[tokio::test]
async fn what_failed_while_a_receiver_was_down_is_sent_again_once() {
    let world = world().await;
    let now = || world.bench.context.clock().now();
    let receiver = Receiver::start().await.unwrap();
    let id = webhook(&world, &receiver, &["job.failed"]).await;
    failure(&world).await;
    world.settle().await;
    receiver.answers(500, "");
    failure(&world).await;
    all_attempts(&world).await;
    world.bench.advance(Duration::hours(1));
    let since = now();
    for _ in 0..3 {
        failure(&world).await;
        world.bench.advance(Duration::seconds(1));
    }
    world.post(&format!("/api/webhooks/{id}/test"), &json!({})).await;
    all_attempts(&world).await;
    assert_eq!(statuses(&world, &id).await, [0, 1, 5], "one that was taken, four that were not, and a ping");
    // one of them is asked for by hand, and one more is on its way
    let log = deliveries(&world, &id).await;
    let by_hand = log[1]["id"].as_str().unwrap();
    world.post(&format!("/api/webhooks/{id}/deliveries/{by_hand}/redeliver"), &json!({})).await;
    failure(&world).await;
    work(&world).await;
    assert_eq!(statuses(&world, &id).await, [2, 1, 5]);
    let before = receiver.received().len();
    receiver.answers(204, "");
    redeliver(&world, &id, since).await;
    // the work is brought twice, and then what it queued
    let redelivery = format!("redeliver-{id}");
    let record = json!({"dynamodb": {"Keys": {"pk": {"S": "WORK#0"}, "sk": {"S": format!("WORK#{redelivery}")}}}});
    world.background(&background_work::FUNCTION, &json!({"Records": [record, record]})).await;
    assert!(!world.bench.context.store().due_work(now()).await.unwrap().contains(&redelivery));
    for _ in 0..4 {
        world.bench.advance(Duration::seconds(40));
        work(&world).await;
    }
    let sent: Vec<_> = receiver.received()[before..].iter().map(|one| one.header("webhook-id").to_owned()).collect();
    let events: HashSet<_> = sent.iter().collect();
    assert_eq!((sent.len(), events.len()), (4, 4), "two of the three, the one by hand, and the new one");
    assert_eq!(statuses(&world, &id).await, [0, 5, 5]);
    // what was taken in the end is left alone; what failed earlier is sent when it is asked for
    redeliver(&world, &id, since).await;
    world.settle().await;
    assert_eq!(receiver.received().len(), before + 4);
    redeliver(&world, &id, now() - Duration::days(10)).await;
    world.bench.advance(Duration::seconds(6));
    world.settle().await;
    assert_eq!(receiver.received().len(), before + 5);
    let bodies: HashSet<_> = receiver.received().iter().map(|one| one.body.clone()).collect();
    assert_eq!(bodies.len(), 7, "six events with one body each, and a ping");
}

/// A webhook with so many failed deliveries in its log, each of another event.
async fn with_failures(count: usize) -> (World, String, OffsetDateTime) {
    let world = world().await;
    let receiver = Receiver::start().await.unwrap();
    let id = webhook(&world, &receiver, &["job.failed"]).await;
    let (store, user) = (world.bench.context.store(), world.account.user.id);
    let (since, mut event) = (world.bench.context.clock().now(), None);
    let (known, _) = store.webhook_with_secret(user, &id).await.unwrap().unwrap();
    let attempt = Attempt { status: Some(500), error: None, retry_after: None, duration_ms: 1 };
    for _ in 0..count {
        let now = world.bench.context.clock().now();
        let next = FeedEventId::after(event, now).unwrap();
        event = Some(next);
        let delivery = Delivery::new(&id, 0, (next.to_string(), "job.failed"), now, now).unwrap();
        let failed = delivery.after(&attempt, true, now);
        store.log_delivery(user, &failed, (&known, &attempt), now).await.unwrap().unwrap();
    }
    (world, id, since)
}

/// How many deliveries a webhook has in all.
async fn total(world: &World, webhook: &str) -> u64 {
    world.get(&format!("/api/webhooks/{webhook}/deliveries?limit=1")).await.json()["total"].as_u64().unwrap()
}

#[tokio::test]
async fn a_long_log_is_walked_in_slices() {
    const FAILED: u64 = 310;
    let (world, id, since) = with_failures(FAILED as usize).await;
    redeliver(&world, &id, since).await;
    let key = format!("redeliver-{id}");
    let record = json!({"dynamodb": {"Keys": {"pk": {"S": "WORK#0"}, "sk": {"S": format!("WORK#{key}")}}}});
    let event = json!({ "Records": [record] });
    world.background(&background_work::FUNCTION, &event).await;
    let first = total(&world, &id).await;
    assert!((FAILED + 240..2 * FAILED).contains(&first), "no more at a time than are sent soon: {first}");
    world.background(&background_work::FUNCTION, &event).await;
    assert_eq!(total(&world, &id).await, first, "it waits");
    world.bench.advance(Duration::seconds(61));
    for _ in 0..2 {
        world.background(&background_work::FUNCTION, &event).await;
    }
    assert_eq!(total(&world, &id).await, 2 * FAILED);
    // their events are not in the feed
    world.settle().await;
    let log = deliveries(&world, &id).await;
    assert_eq!(log[0]["last_error"], "The event is no longer kept.");
    assert_eq!(total(&world, &id).await, 2 * FAILED);
    // of each event the last one counts from now on
    redeliver(&world, &id, since).await;
    world.bench.advance(Duration::seconds(61));
    world.settle().await;
    assert_eq!(total(&world, &id).await, 3 * FAILED);
}

#[tokio::test(flavor = "multi_thread")]
async fn slices_that_are_repeated_doubled_or_lost_make_no_doubles() {
    const FAILED: u64 = 60;
    for (nth, fault) in [(2, Fault::LostAnswer), (3, Fault::LostAnswer), (3, Fault::Conflict), (4, Fault::Throttled)] {
        let (world, id, since) = with_failures(FAILED as usize).await;
        let (store, user) = (world.bench.context.store(), world.account.user.id);
        let now = world.bench.context.clock().now();
        let asked = Redelivery::new(user, (&id, FAILED), since, now).unwrap();
        let walk = async || {
            let mut next = Some(asked.clone());
            while let Some(slice) = next {
                // a step that breaks off is made again
                next = store.redeliver_slice(&slice, now).await.map_or(Some(slice), |slice| slice.next);
            }
        };
        world.bench.faults.every(nth, fault);
        futures_util::future::join3(walk(), walk(), walk()).await;
        walk().await;
        assert!(world.bench.faults.stop() > 0, "{fault:?} never happened");
        assert_eq!(total(&world, &id).await, 2 * FAILED, "{fault:?}");
        let page = world.get(&format!("/api/webhooks/{id}/deliveries?limit={FAILED}")).await.json();
        let log = page["deliveries"].as_array().unwrap();
        let events: HashSet<_> = log.iter().map(|one| one["event_id"].to_string()).collect();
        assert_eq!(events.len() as u64, FAILED, "{fault:?}");
        // a webhook that is not there any more ends the walk
        assert_eq!(world.delete(&format!("/api/webhooks/{id}")).await.status, 200);
        assert_eq!(store.redeliver_slice(&asked, now).await.unwrap().next, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_of_this_machine_hears_of_events() {
    let world = super::tables::World::start().await;
    let (url, receiver) = (&world.server.outsend, Receiver::start().await.unwrap());
    let headers = [("Content-Type", "application/json"), ("X-API-Key", world.key.as_str())];
    let cancelled = async || {
        let body = json!({"items": [{"email": "a@one.test"}]}).to_string();
        let job = http::send(url, "POST", "/api/jobs/verify-emails", &headers, body.as_bytes()).await.unwrap().json();
        let path = format!("/api/jobs/{}/cancel", job["id"].as_str().unwrap());
        http::send(url, "POST", &path, &headers, b"{}").await.unwrap();
    };
    let feed = async || http::send(url, "GET", "/api/events", &headers, b"").await.unwrap().json()["events"].clone();
    let until = async |count: usize| {
        while feed().await.as_array().unwrap().len() < count {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    cancelled().await;
    until(1).await;
    let first = feed().await[0]["id"].as_str().unwrap().to_owned();
    let mut command = outscout();
    command.args(["webhook", "listen", "--secret", SECRET, "--after", &first, "--forward", &receiver.url()]);
    command.env("OUTSCOUT_OUTSEND_URL", url).env("OUTSCOUT_OUTSEND_KEY", &world.key);
    let mut listener = command.spawn().unwrap();
    cancelled().await;
    until(2).await;
    let began = std::time::Instant::now();
    while receiver.received().is_empty() && began.elapsed().as_secs() < 20 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    listener.kill().unwrap();
    listener.wait().unwrap();
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    let event = feed().await[1].clone();
    assert_eq!(received[0].body, event.to_string());
    let at = OffsetDateTime::from_unix_timestamp(received[0].header("webhook-timestamp").parse().unwrap()).unwrap();
    let id = event["id"].as_str().unwrap();
    for (name, value) in signed_headers(SECRET, (id, event["event"].as_str().unwrap()), at, &received[0].body) {
        assert_eq!(received[0].header(name), value, "{name}");
    }
}
