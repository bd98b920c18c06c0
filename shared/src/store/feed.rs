//! An account's feed of events (outsend 16.1).
//!
//! Each publication is one transaction that is conditional on the feed's head, which holds the last id. Ids therefore
//! increase in the order in which events become visible, and nothing appears behind a cursor that was handed out. Events
//! are numbered without gaps, so that a reader notices one that it cannot see yet.

use aws_sdk_dynamodb::types::AttributeValue;
use time::{Duration, OffsetDateTime};

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    item::{Condition, Item, check},
    round_trips::{items_read, round_trip},
    user_items::user_pk,
};
use crate::model::{Announcement, EventName, FeedEvent, FeedEventId, UserId};

/// How long an event is kept (outsend 16.1).
pub(super) const KEPT: Duration = Duration::days(30);
/// Events that a walk with a filter reads at a time.
const STEP: usize = 500;

/// The partition of a user's events, and of what waits to become one.
pub(super) fn feed_pk(user: UserId) -> String {
    format!("FEED#{user}")
}

const HEAD: &str = "HEAD";

fn event_sk(id: FeedEventId) -> String {
    format!("EVENT#{id}")
}

/// Where a feed ends.
#[derive(Clone, Debug, Default)]
struct Head {
    last: Option<FeedEventId>,
    number: u64,
    version: u64,
}

fn event_item(user: UserId, event: &FeedEvent, number: u64, now: OffsetDateTime) -> Item {
    Item::new(feed_pk(user), event_sk(event.id))
        .text("id", event.id.to_string())
        .text("event", event.name.as_str())
        .time("at", event.at)
        .text("data", &*event.data)
        .number("number", number)
        .number("ttl", (now + KEPT).unix_timestamp())
}

fn read_event(item: &Item) -> Result<(FeedEvent, u64), StoreError> {
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
    async fn feed_head(&self, user: UserId) -> Result<Head, StoreError> {
        let Some(item) = self.get(&self.main, feed_pk(user), HEAD.to_owned()).await? else {
            return Ok(Head::default());
        };
        let reader = item.read("feed");
        Ok(Head {
            last: reader.optional_text("last").and_then(FeedEventId::parse),
            number: reader.number("number")?,
            version: reader.number("version")?,
        })
    }

    /// A page of a user's events behind a cursor, oldest first, and whether there are more: without a cursor, or with one
    /// older than what is kept, from the oldest that is kept. No names means all of them; with some, it walks.
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
    ) -> BoxFuture<'a, Result<(Vec<FeedEvent>, bool), StoreError>> {
        Box::pin(async move {
            let oldest = FeedEventId::first_at(now - KEPT);
            let mut from = event_sk(after.map_or(oldest, |after| after.max(oldest)));
            let (mut events, mut known) = (Vec::new(), None::<u64>);
            loop {
                // the one at the cursor, and one that says that there are more
                let step = if names.is_empty() { limit + 2 } else { STEP };
                let items = self.events_from(user, from.clone(), step).await?;
                let last = items.len() < step;
                for item in items.iter().filter(|item| self.lives(item)) {
                    let (event, number) = read_event(item)?;
                    if known.is_some_and(|known| known + 1 < number) {
                        // what was published in between cannot be seen yet, and must not be passed over
                        return Ok((events, true));
                    }
                    known = Some(number);
                    let wanted = names.is_empty() || names.contains(&event.name);
                    if wanted && after.is_none_or(|after| after < event.id) && !events.contains(&event) {
                        if events.len() == limit {
                            return Ok((events, true));
                        }
                        events.push(event);
                    }
                }
                match items.last().filter(|_| !last) {
                    // it comes again, so that its number is known
                    Some(item) => item.read("event").text("sk")?.clone_into(&mut from),
                    None => return Ok((events, false)),
                }
            }
        })
    }

    async fn events_from(&self, user: UserId, from: String, limit: usize) -> Result<Vec<Item>, StoreError> {
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
        let items = output.items.unwrap_or_default();
        items_read(items.len());
        Ok(items.into_iter().map(Item::from).collect())
    }

    /// Publishes what was announced, with its data as JSON: exactly once, however often it is tried. Nothing is
    /// published of an account that is gone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn publish<'a>(
        &'a self,
        announcement: &'a Announcement,
        data: &'a str,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let Announcement { user, name, reference, at, .. } = announcement;
            for attempt in 0.. {
                let head = self.feed_head(*user).await?;
                let id = FeedEventId::after(head.last, now)
                    .map_err(|error| StoreError::Call { operation: "random", cause: error.to_string() })?;
                let event = FeedEvent { id, name: *name, at: *at, data: data.to_owned() };
                let next = Head { last: Some(id), number: head.number + 1, version: head.version + 1 };
                let condition = if head.version == 0 { Condition::Absent } else { Condition::Version(head.version) };
                let members = vec![
                    self.taking_member(*user, reference)?,
                    check(&self.main, (user_pk(*user), "USER".to_owned()), "attribute_exists(#name)", Some("id"), [])?,
                    head_item(*user, &next).put(&self.main, condition)?,
                    event_item(*user, &event, next.number, now).put(&self.main, Condition::Absent)?,
                ];
                match self.transact(members).await? {
                    Written::Done => return Ok(()),
                    // it is published: by an earlier attempt, or by this very one whose answer was lost
                    Written::Refused(failed) if failed.contains(&0) => return Ok(()),
                    Written::Refused(failed) if failed.contains(&1) => {
                        return self.drop_items(&feed_pk(*user), &format!("OUTBOX#{reference}")).await;
                    }
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Ok(())
        })
    }
}

fn head_item(user: UserId, head: &Head) -> Item {
    let last = head.last.map(|id| id.to_string());
    Item::new(feed_pk(user), HEAD.to_owned())
        .optional_text("last", last.as_deref())
        .number("number", head.number)
        .number("version", head.version)
}
