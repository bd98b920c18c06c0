//! An account's feed of events (outsend 16.1).
//!
//! Each publication is one transaction that is conditional on the feed's head, which holds the last id. Ids therefore
//! increase in the order in which events become visible, and nothing appears behind a cursor that was handed out. Events
//! are numbered without gaps, so that a reader notices one that it cannot see yet.

use aws_sdk_dynamodb::types::AttributeValue;
use time::{Duration, OffsetDateTime};

use super::{
    BoxFuture, Store, StoreError,
    item::{Condition, Item},
    round_trips::{items_read, round_trip},
};
use crate::model::{EVENTS_KEPT, EventName, FeedEvent, FeedEventId, UserId};

/// What is stored for longer, since clocks differ: what is shown is decided by ids and times alone.
pub(super) const MARGIN: Duration = Duration::days(1);
/// Events that a walk with a filter reads at a time.
const STEP: usize = 500;
/// Steps that it makes for one page.
const STEPS: usize = 2;

/// A page of a user's events, oldest first (outsend 16.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsPage {
    /// The events.
    pub events: Vec<FeedEvent>,
    /// The cursor of the page behind this one: the last event, or the last one that was looked at when the walk for
    /// names ended early. Without either, the cursor of this page.
    pub next: Option<FeedEventId>,
    /// Whether there is more behind it.
    pub has_more: bool,
}

/// The partition of a user's events, and of what waits to become one.
pub(super) fn feed_pk(user: UserId) -> String {
    format!("FEED#{user}")
}

const HEAD: &str = "HEAD";

/// The key of a feed's head.
pub(super) fn head_key(user: UserId) -> (String, String) {
    (feed_pk(user), HEAD.to_owned())
}

fn event_sk(id: FeedEventId) -> String {
    format!("EVENT#{id}")
}

/// The key of an event, by the text of its id.
pub(super) fn event_key(user: UserId, id: &str) -> (String, String) {
    (feed_pk(user), format!("EVENT#{id}"))
}

/// Where a feed ends, and the webhooks that are told of it, each with the number of its deliveries so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    pub(super) last: Option<FeedEventId>,
    pub(super) number: u64,
    pub(super) webhooks: Vec<(String, u64)>,
    pub(super) version: u64,
}

impl Head {
    /// What a write over it rests on.
    pub(super) const fn condition(&self) -> Condition {
        if self.version == 0 { Condition::Absent } else { Condition::Version(self.version) }
    }

    /// The number of a webhook's deliveries; `None` when there is no such webhook.
    pub(super) fn sent(&self, webhook: &str) -> Option<u64> {
        self.webhooks.iter().find(|(id, _)| id == webhook).map(|(_, sent)| *sent)
    }

    /// The number of a webhook's next delivery, which counts from here on.
    pub(super) fn count(&mut self, webhook: &str) -> u64 {
        let known = self.webhooks.iter_mut().find(|(id, _)| id == webhook);
        known.map_or(0, |(_, sent)| {
            *sent += 1;
            *sent
        })
    }
}

pub(super) fn head_item(user: UserId, head: &Head) -> Item {
    let last = head.last.map(|id| id.to_string());
    let webhooks: Vec<_> = head.webhooks.iter().map(|(id, sent)| format!("{id} {sent}")).collect();
    Item::new(feed_pk(user), HEAD.to_owned())
        .optional_text("last", last.as_deref())
        .number("number", head.number)
        .texts("webhooks", &webhooks)
        .number("version", head.version)
}

pub(super) fn read_head(item: &Item) -> Result<Head, StoreError> {
    let reader = item.read("feed");
    let webhook = |text: &String| {
        let (id, sent) = text.split_once(' ')?;
        Some((id.to_owned(), sent.parse().ok()?))
    };
    Ok(Head {
        last: reader.optional_text("last").and_then(FeedEventId::parse),
        number: reader.number("number")?,
        webhooks: reader.texts("webhooks").iter().filter_map(webhook).collect(),
        version: reader.number("version")?,
    })
}

pub(super) fn event_item(user: UserId, event: &FeedEvent, number: u64, now: OffsetDateTime) -> Item {
    Item::new(feed_pk(user), event_sk(event.id))
        .text("id", event.id.to_string())
        .text("event", event.name.as_str())
        .time("at", event.at)
        .text("data", &*event.data)
        .number("number", number)
        .number("ttl", (now + EVENTS_KEPT + MARGIN).unix_timestamp())
}

pub(super) fn read_event(item: &Item) -> Result<(FeedEvent, u64), StoreError> {
    let reader = item.read("event");
    let event = FeedEvent {
        id: reader.parsed("id", FeedEventId::parse)?,
        name: reader.parsed("event", EventName::parse)?,
        at: reader.time("at")?,
        data: reader.text("data")?.to_owned(),
    };
    Ok((event, reader.number("number")?))
}

impl Store {
    pub(super) async fn feed_head(&self, user: UserId) -> Result<Head, StoreError> {
        let item = self.get(&self.main, feed_pk(user), HEAD.to_owned()).await?;
        item.map_or_else(|| Ok(Head::default()), |item| read_head(&item))
    }

    /// A page of a user's events behind a cursor: without one, or with one older than what is kept, from the oldest that
    /// is kept. No names means all of them; with some, it looks at a thousand of them, and no further.
    ///
    /// # Errors
    /// When the store fails.
    pub fn events_after<'a>(
        &'a self,
        user: UserId,
        after: Option<FeedEventId>,
        names: &'a [EventName],
        limit: usize,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<EventsPage, StoreError>> {
        Box::pin(async move {
            let oldest = FeedEventId::first_at(now - EVENTS_KEPT);
            let mut from = event_sk(after.map_or(oldest, |after| after.max(oldest)));
            let (mut events, mut known) = (Vec::<FeedEvent>::new(), None::<u64>);
            let page = |events: Vec<FeedEvent>, has_more| {
                let next = events.last().map(|event| event.id).or(after);
                Ok(EventsPage { events, next, has_more })
            };
            let mut looked_at = after;
            for _ in 0..STEPS {
                // the one at the cursor, and one that says that there are more
                let step = if names.is_empty() { limit + 2 } else { STEP };
                let (items, last) = self.events_from(user, from.clone(), step).await?;
                for item in &items {
                    let (event, number) = read_event(item)?;
                    if known == Some(number) {
                        continue;
                    }
                    if known.is_some_and(|known| known + 1 < number) {
                        // what was published in between cannot be seen yet, and must not be passed over
                        return page(events, true);
                    }
                    known = Some(number);
                    looked_at = looked_at.max(Some(event.id));
                    let wanted = names.is_empty() || names.contains(&event.name);
                    if wanted && after.is_none_or(|after| after < event.id) {
                        if events.len() == limit {
                            return page(events, true);
                        }
                        events.push(event);
                    }
                }
                match items.last().filter(|_| !last) {
                    // it comes again, so that its number is known
                    Some(item) => item.read("event").text("sk")?.clone_into(&mut from),
                    None => return page(events, false),
                }
            }
            Ok(EventsPage { events, next: looked_at, has_more: true })
        })
    }

    /// A user's events from a sort key on, and whether these are the last: a call also ends where its answer is large.
    async fn events_from(&self, user: UserId, from: String, limit: usize) -> Result<(Vec<Item>, bool), StoreError> {
        let call = self
            .client
            .query()
            .table_name(&self.main)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :end")
            .expression_attribute_values(":pk", AttributeValue::S(feed_pk(user)))
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":end", AttributeValue::S("EVENT#evt_~".to_owned()))
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
        let (items, last) = (output.items.unwrap_or_default(), output.last_evaluated_key.is_none());
        items_read(items.len());
        Ok((items.into_iter().map(Item::from).collect(), last))
    }
}
