//! Lists of one account that got long: a page in the depth costs what the first one costs. The items are copies of one
//! that the system made. There are those of the pages that are looked at here, and a head that tells of all of them: what
//! walks through a list to a page reads them, and what reads a page alone misses none.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, PutRequest, WriteRequest},
};
use futures_util::{StreamExt as _, stream};
use harness::{
    Bench, log,
    outsend::{
        jobs::World,
        veille,
        webhooks::{self, failure, webhook},
    },
    receiver::Receiver,
};
use serde_json::{Value, json};
use shared::{
    clock::{epoch_micros, epoch_millis},
    model::FeedEventId,
};
use time::{Duration, OffsetDateTime};

/// How long the lists are.
const LONG: u64 = 100_000;

pub(super) type Row = HashMap<String, AttributeValue>;

pub(super) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The store without anybody between.
pub(super) struct Raw(Client);

impl Raw {
    pub(super) fn of(bench: &Bench) -> Self {
        let settings = bench.context.settings();
        Self(local::embedded_store::client(settings.store.endpoint.as_deref().unwrap(), &settings.store.credentials))
    }

    /// The items of a partition whose sort keys begin so.
    pub(super) async fn rows(&self, pk: &str, prefix: &str) -> Vec<Row> {
        let call = self.0.query().table_name("main").key_condition_expression("pk = :pk AND begins_with(sk, :sk)");
        let call = call.expression_attribute_values(":pk", text(pk)).expression_attribute_values(":sk", text(prefix));
        call.send().await.unwrap().items.unwrap()
    }

    /// Puts items there, many at a time.
    pub(super) async fn fill(&self, rows: Vec<Row>) {
        let put = |row: &Row| {
            let put = PutRequest::builder().set_item(Some(row.clone())).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        };
        let batches = rows.chunks(25).map(|rows| rows.iter().map(put).collect::<Vec<_>>());
        let sent = stream::iter(batches).map(|batch| self.0.batch_write_item().request_items("main", batch).send());
        let left = sent
            .buffer_unordered(8)
            .filter_map(|answer| async { answer.unwrap().unprocessed_items.filter(|items| !items.is_empty()) });
        assert_eq!(left.count().await, 0);
    }
}

/// A copy of an item with other values.
pub(super) fn like(row: &Row, changed: impl IntoIterator<Item = (&'static str, AttributeValue)>) -> Row {
    let mut row = row.clone();
    row.extend(changed.into_iter().map(|(name, value)| (name.to_owned(), value)));
    row
}

/// Where pages are looked at, counted from either end.
const PLACES: [u64; 7] = [0, 100, 1_000, 10_000, 50_000, 99_000, 99_900];

/// The members that are there, from 1: those of the pages at these places, from either end, and two more beside each.
fn there() -> impl Iterator<Item = u64> {
    let near = |given: u64, place: u64| (place.saturating_sub(2)..place + 102).contains(&given);
    (1..=LONG).filter(move |given| PLACES.iter().any(|place| near(given - 1, *place) || near(LONG - given, *place)))
}

/// The time of the member with this number: the last one is an hour old, and all of them came within 28 days.
fn time_of(number: u64, now: OffsetDateTime) -> OffsetDateTime {
    now - Duration::hours(1) - Duration::seconds(24) * i32::try_from(LONG - number).unwrap()
}

/// Asserts that pages of a hundred cost the same at every depth, and that they hold what they should.
async fn assert_flat(world: &World, page: impl Fn(u64) -> String, list: &str, check: impl Fn(u64, &[Value])) {
    // what is written once a minute falls into one of two at most
    let usual = async |path: String| {
        let (one, other) = (world.cost(&path).await, world.cost(&path).await);
        if other.calls < one.calls { other } else { one }
    };
    let first = usual(page(0)).await;
    for offset in PLACES {
        let deep = usual(page(offset)).await;
        // which of them waited for one another depends on how busy the machine is
        assert_eq!((deep.calls, deep.items_read), (first.calls, first.items_read), "at {offset}");
        let shown = world.get(&page(offset)).await.json();
        let shown = shown[list].as_array().unwrap();
        assert_eq!(shown.len(), 100, "at {offset}");
        check(offset, shown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_webhook_costs_the_same_at_every_depth() {
    log();
    let (world, receiver) = (webhooks::world().await, Receiver::start().await.unwrap());
    let id = webhook(&world, &receiver, &["job.failed"]).await;
    failure(&world).await;
    world.settle().await;
    let (raw, now) = (Raw::of(&world.bench), world.bench.context.clock().now());
    let pk = format!("FEED#{}", world.account.user.id);
    let (sent, at) = (raw.rows(&pk, "SENT#").await.remove(0), raw.rows(&pk, "SENTAT#").await.remove(0));
    let place = |given: u64| {
        let at = time_of(given, now);
        (given, epoch_micros(at), format!("SENTAT#{id}#{:015}#{given:012}", epoch_millis(at)))
    };
    let copies = there().map(place).flat_map(|(given, micros, by_time)| {
        let own = [("sk", text(format!("SENT#{id}#{given:012}"))), ("number", number(given))];
        let told = [("id", text(format!("dlv_{given}"))), ("created_at", number(micros))];
        [like(&sent, own.into_iter().chain(told)), like(&at, [("sk", text(by_time)), ("number", number(given))])]
    });
    raw.fill(copies.collect()).await;
    // the one that was copied is the first one by time no more
    let key = (at["pk"].clone(), at["sk"].clone());
    raw.0.delete_item().table_name("main").key("pk", key.0).key("sk", key.1).send().await.unwrap();
    let head = raw.rows(&pk, "HEAD").await.remove(0);
    let counted = AttributeValue::L(vec![text(format!("{id} {LONG}"))]);
    raw.fill(vec![like(&head, [("webhooks", counted)])]).await;
    let page = |offset| format!("/api/webhooks/{id}/deliveries?limit=100&offset={offset}");
    assert_eq!(world.get(&page(LONG)).await.json()["total"], LONG);
    assert_flat(&world, page, "deliveries", |offset, shown| {
        assert_eq!(shown[0]["id"], format!("dlv_{}", LONG - offset));
        assert_eq!(shown[99]["id"], format!("dlv_{}", LONG - offset - 99));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_costs_the_same_at_every_depth() {
    log();
    let world = World::start().await;
    failure(&world).await;
    world.settle().await;
    let (raw, now) = (Raw::of(&world.bench), world.bench.context.clock().now());
    let pk = format!("FEED#{}", world.account.user.id);
    let event = raw.rows(&pk, "EVENT#").await.remove(0);
    let key = (event["pk"].clone(), event["sk"].clone());
    raw.0.delete_item().table_name("main").key("pk", key.0).key("sk", key.1).send().await.unwrap();
    let (mut ids, mut copies) = (Vec::<FeedEventId>::new(), Vec::new());
    for given in 1..=LONG {
        ids.push(FeedEventId::after(ids.last().copied(), time_of(given, now)).unwrap());
    }
    for given in there() {
        let id = ids[usize::try_from(given - 1).unwrap()].to_string();
        let own = [("sk", text(format!("EVENT#{id}"))), ("id", text(id)), ("number", number(given))];
        copies.push(like(&event, own));
    }
    raw.fill(copies).await;
    let page = |offset: u64| match offset {
        0 => "/api/events?limit=100".to_owned(),
        _ => format!("/api/events?limit=100&after={}", ids[usize::try_from(offset).unwrap() - 1]),
    };
    // the last page is apart: behind it there is no event to be read
    let last = world.get(&page(LONG - 100)).await.json();
    assert_eq!((&last["has_more"], &last["next"]), (&json!(false), &json!(ids[ids.len() - 1].to_string())));
    assert_flat(
        &world,
        |offset| page(offset.min(LONG - 1_000)),
        "events",
        |offset, shown| {
            let at = usize::try_from(offset.min(LONG - 1_000)).unwrap();
            assert_eq!(shown[0]["id"], ids[at].to_string());
            assert_eq!(shown[99]["id"], ids[at + 99].to_string());
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runs_of_a_veille_cost_the_same_at_every_depth() {
    log();
    let world = veille::world().await;
    let (_, veille) = veille::one_run(&world).await;
    let (raw, now) = (Raw::of(&world.bench), world.bench.context.clock().now());
    let pk = format!("VEILLE#{}", veille["id"]);
    let (run, header) = (raw.rows(&pk, "RUN#00000001").await.remove(0), raw.rows(&pk, "VEILLE").await.remove(0));
    let copy = |given: u64| {
        let began = ("started_at", number(epoch_micros(time_of(given, now))));
        like(&run, [("sk", text(format!("RUN#{given:08}"))), ("number", number(given)), began])
    };
    raw.fill(there().map(copy).collect()).await;
    raw.fill(vec![like(&header, [("runs", number(LONG))])]).await;
    let page = |offset| format!("/api/veille/{}/runs?limit=100&offset={offset}", veille["id"]);
    assert_eq!(world.get(&page(LONG)).await.json()["items"], json!([]));
    assert_flat(&world, page, "items", |offset, shown| {
        assert_eq!((&shown[0]["id"], &shown[99]["id"]), (&json!(LONG - offset), &json!(LONG - offset - 99)));
    })
    .await;
}
