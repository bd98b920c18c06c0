//! Events of changes: one for each transition, in an order that no cursor misses (outsend 16).

use std::collections::HashSet;

use harness::{Bench, faults::Fault, outsend::jobs::World};
use serde_json::{Value, json};
use shared::{
    model::{Announcement, EventData, EventName, FeedEvent, FeedEventId, JobId, UserId},
    store::{Ending, EventsPage},
};
use time::Duration;

/// All events of a user, page by page.
async fn events(bench: &Bench, user: UserId, limit: usize) -> Vec<FeedEvent> {
    let (store, now) = (bench.context.store(), bench.context.clock().now());
    let mut all: Vec<FeedEvent> = Vec::new();
    loop {
        let after = all.last().map(|event| event.id);
        let page = store.events_after(user, after, &[], limit, now).await.unwrap();
        assert!(page.events.len() == limit || !page.has_more);
        all.extend(page.events);
        if !page.has_more {
            return all;
        }
    }
}

#[tokio::test]
async fn each_transition_is_one_event_with_the_job_as_it_was() {
    let world = World::start().await;
    let user = world.account.user.id;
    let done = world.verification(&["a@one.test"]).await;
    world.settle().await;
    let cancelled = world.verification(&["a@one.test"]).await;
    assert_eq!(world.post(&format!("/api/jobs/{cancelled}/cancel"), &json!({})).await.status, 200);
    let failed = world.verification(&["a@one.test"]).await;
    let ending = Ending::Failed("No.".to_owned());
    let (store, now) = (world.bench.context.store(), world.bench.context.clock().now());
    for _ in 0..2 {
        store.end_job(JobId::parse(&failed).unwrap(), ending.clone(), now).await.unwrap();
    }
    world.settle().await;
    let events = events(&world.bench, user, 2).await;
    let told: Vec<_> = events.iter().map(|event| (event.name, event.data.clone())).collect();
    let mut expected = Vec::new();
    for (name, id) in
        [(EventName::JobCompleted, done), (EventName::JobCancelled, cancelled), (EventName::JobFailed, failed)]
    {
        expected.push((name, world.get(&format!("/api/jobs/{id}")).await.body));
    }
    let by_id = |one: &(EventName, String)| one.0.as_str();
    let (mut told, mut expected) = (told, expected);
    told.sort_by_key(by_id);
    expected.sort_by_key(by_id);
    assert_eq!(told, expected);
    // when its rows go, nothing is told
    world.bench.advance(Duration::days(8));
    world.settle().await;
    assert_eq!(self::events(&world.bench, user, 500).await.len(), 3);
    world.bench.advance(Duration::days(23));
    assert!(self::events(&world.bench, user, 500).await.is_empty(), "kept for thirty days");
}

#[tokio::test]
async fn a_store_that_misbehaves_doubles_and_loses_nothing() {
    let world = World::start().await;
    for (nth, fault) in [(3, Fault::Conflict), (5, Fault::Throttled), (4, Fault::LostAnswer)] {
        world.bench.faults.every(nth, fault);
        for _ in 0..2 {
            world.verification(&["a@one.test", "b@two.test"]).await;
        }
        for _ in 0..4 {
            let _ = world.bench.invoke(&background_work::FUNCTION, "{}".into()).await;
            world.bench.advance(Duration::seconds(61));
        }
        assert!(world.bench.faults.stop() > 0, "{fault:?} never happened");
        world.settle().await;
    }
    let events = events(&world.bench, world.account.user.id, 5).await;
    let jobs: HashSet<_> = events
        .iter()
        .map(|event| serde_json::from_str::<Value>(&event.data).unwrap()["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((events.len(), jobs.len()), (6, 6));
}

fn announcement(user: UserId, number: usize, at: time::OffsetDateTime) -> Announcement {
    let data = EventData::Json(json!({"number": number}).to_string());
    Announcement { user, name: EventName::JobFailed, reference: format!("test-{number}"), at, data }
}

#[tokio::test]
async fn nothing_appears_behind_a_cursor() {
    const WRITERS: usize = 8;
    const EACH: usize = 12;
    let world = World::start().await;
    let (store, user) = (world.bench.context.store().clone(), world.account.user.id);
    let now = world.bench.context.clock().now();
    for number in 0..WRITERS * EACH {
        store.announce(&announcement(user, number, now)).await.unwrap();
    }
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0..EACH {
                // clocks of machines differ, and work is done twice
                let clock = now - Duration::seconds(i64::try_from(writer * 7 + number).unwrap());
                let announcement = announcement(user, writer * EACH + number, now);
                for _ in 0..2 {
                    store.publish(&announcement, "{}", clock).await.unwrap();
                }
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut seen: Vec<FeedEventId> = Vec::new();
    while seen.len() < WRITERS * EACH {
        let page = store.events_after(user, seen.last().copied(), &[], 7, now).await.unwrap();
        seen.extend(page.events.iter().map(|event| event.id));
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let all: Vec<_> = events(&world.bench, user, 100).await.iter().map(|event| event.id).collect();
    assert_eq!(seen, all, "who follows a cursor sees all of them, once and in order");
    let wanted = [EventName::JobCompleted];
    let page = store.events_after(user, None, &wanted, 5, now).await.unwrap();
    assert_eq!(page, EventsPage { events: Vec::new(), next: None, has_more: false });
}

#[tokio::test]
async fn a_walk_for_names_ends_after_a_thousand_and_goes_on_behind_it() {
    const OTHERS: usize = 1200;
    let world = World::start().await;
    let (store, now) = (world.bench.context.store(), world.bench.context.clock().now());
    let user = world.account.user.id;
    for number in 0..=OTHERS {
        let mut announcement = announcement(user, number, now);
        if number == OTHERS {
            announcement.name = EventName::JobCompleted;
        }
        store.announce(&announcement).await.unwrap();
        store.publish(&announcement, "{}", now).await.unwrap();
    }
    let first = world.get("/api/events?event=job.completed").await.json();
    assert_eq!((&first["events"], &first["has_more"]), (&json!([]), &json!(true)));
    let next = first["next"].as_str().unwrap().to_owned();
    let second = world.get(&format!("/api/events?event=job.completed&after={next}")).await.json();
    assert_eq!((&second["events"][0]["event"], &second["has_more"]), (&json!("job.completed"), &json!(false)));
    assert_eq!(second["events"].as_array().unwrap().len(), 1);
    assert_eq!(second["next"], second["events"][0]["id"]);
}
