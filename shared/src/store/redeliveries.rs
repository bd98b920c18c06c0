//! Deliveries that are made again (outsend 16.1): one by its id, or all of a webhook that failed.
//!
//! Beside the log stands, for each event that was sent again, the number of its last delivery. It is written with that
//! delivery, and what is sent again in bulk rests on it: of an event only the last delivery is, so that repeated walks,
//! doubled ones and lost answers find that another one came later.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    deliveries::{by_time_sk, delivery_key, end_of, of_millis, read_delivery},
    feed::{Head, feed_pk, head_item, head_key, read_head},
    item::{Condition, Item},
    webhooks::{read_webhook, webhook_key},
};
use crate::{
    clock::epoch_millis,
    model::{Delivery, DeliveryStatus, EVENTS_KEPT, Redelivery, UserId, Webhook, aside, delivery_id},
    ulid,
};

/// Deliveries that are looked at in one step: with the head and the webhook they are one batch.
const STEP: i32 = 98;
/// Deliveries that one transaction makes: four items for each, and the head.
const AT_ONCE: usize = 24;

const RESENT: &str = "RESENT#";

fn resent_key(user: UserId, webhook: &str, event: &str) -> (String, String) {
    (feed_pk(user), format!("{RESENT}{webhook}#{event}"))
}

/// Says that a delivery is its event's last one.
fn resent_item(user: UserId, delivery: &Delivery) -> Item {
    let (pk, sk) = resent_key(user, &delivery.webhook, &delivery.event_id);
    Item::new(pk, sk)
        .text("event_id", &*delivery.event_id)
        .number("version", delivery.number)
        .number("ttl", end_of(delivery.created_at))
}

/// What a step of a walk came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedeliverySlice {
    /// Deliveries that it made.
    pub queued: usize,
    /// What is left to do; `None` when the walk is over.
    pub next: Option<Redelivery>,
}

/// A webhook with one of its deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedDelivery {
    /// The webhook.
    pub webhook: Webhook,
    /// The delivery, when it is there.
    pub delivery: Option<Delivery>,
}

/// What new deliveries rest on.
struct Ground {
    head: Head,
    webhook: Webhook,
    sent: u64,
    /// Of events that were sent again, the number of the last delivery.
    resent: BTreeMap<String, u64>,
}

impl Ground {
    /// The condition under which a delivery is still its event's last one; `None` when it is not.
    fn last(&self, delivery: &Delivery) -> Option<Condition> {
        match self.resent.get(&delivery.event_id) {
            None => Some(Condition::Absent),
            Some(number) if *number == delivery.number => Some(Condition::Version(*number)),
            Some(_) => None,
        }
    }
}

impl Store {
    /// A webhook and the number of its last delivery; `None` when there is no such webhook.
    ///
    /// # Errors
    /// When the store fails.
    pub fn webhook_with_last<'a>(
        &'a self,
        user: UserId,
        webhook: &'a str,
    ) -> BoxFuture<'a, Result<Option<(Webhook, u64)>, StoreError>> {
        Box::pin(async move {
            let ground = self.ground(user, webhook, &[]).await?;
            Ok(ground.map(|ground| (ground.webhook, ground.sent)))
        })
    }

    /// A webhook, and its delivery with an id, in any case, if that one is of the last 30 days; `None` when there is no such webhook.
    ///
    /// # Errors
    /// When the store fails.
    pub fn webhook_and_delivery<'a>(
        &'a self,
        user: UserId,
        webhook: &'a str,
        id: &'a str,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Option<LoggedDelivery>, StoreError>> {
        Box::pin(async move {
            let ((pk, sk), id) = (webhook_key(user, webhook), delivery_id(id).unwrap_or_default());
            let reads =
                futures_util::future::join(self.get(&self.main, pk, sk), self.delivery_by_id(user, webhook, &id));
            let (item, delivery) = reads.await;
            let Some(item) = item? else { return Ok(None) };
            let oldest = epoch_millis(now - EVENTS_KEPT);
            let delivery = delivery?.filter(|delivery| epoch_millis(delivery.created_at) >= oldest);
            Ok(Some(LoggedDelivery { webhook: read_webhook(&item)?, delivery }))
        })
    }

    /// A delivery by its id, which says in which millisecond it was made.
    async fn delivery_by_id(&self, user: UserId, webhook: &str, id: &str) -> Result<Option<Delivery>, StoreError> {
        let Some(millis) = id.strip_prefix("dlv_").and_then(ulid::millis) else { return Ok(None) };
        let places = self.query(feed_pk(user), &of_millis(webhook, millis)).await?;
        let deliveries = self.deliveries_at(user, webhook, &places, u64::MAX).await?;
        Ok(deliveries.into_iter().find(|delivery| delivery.id == id))
    }

    /// The deliveries at these places by time, up to the number `last`, in the order of their places.
    async fn deliveries_at(
        &self,
        user: UserId,
        webhook: &str,
        places: &[Item],
        last: u64,
    ) -> Result<Vec<Delivery>, StoreError> {
        let numbers = places.iter().map(|place| place.read("delivery").number::<u64>("number"));
        let numbers = numbers.collect::<Result<Vec<_>, _>>()?.into_iter().filter(|number| *number <= last);
        let items = self.batch_get(numbers.map(|number| delivery_key(user, webhook, number)).collect()).await?;
        let mut deliveries = items.iter().map(read_delivery).collect::<Result<Vec<_>, _>>()?;
        deliveries.sort_by_key(place);
        Ok(deliveries)
    }

    /// Adds a delivery to its webhook's log, to be made at `due`; its number is given here. `None` when the webhook is
    /// gone. However often its answer is lost, there is one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn queue_delivery<'a>(
        &'a self,
        user: UserId,
        delivery: &'a Delivery,
        due: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Option<Delivery>, StoreError>> {
        Box::pin(async move {
            for tried in 0.. {
                let head = self.feed_head(user).await?;
                if head.sent(&delivery.webhook).is_none() {
                    return Ok(None);
                }
                if tried > 0
                    && let Some(known) = self.delivery_by_id(user, &delivery.webhook, &delivery.id).await?
                {
                    // the answer to this very write was lost
                    return Ok(Some(known));
                }
                let mut next = Head { version: head.version + 1, ..head.clone() };
                let numbered = Delivery { number: next.count(&delivery.webhook), ..delivery.clone() };
                let mut members = vec![
                    head_item(user, &next).put(&self.main, head.condition())?,
                    resent_item(user, &numbered).put(&self.main, Condition::None)?,
                ];
                members.extend(self.waiting_members(user, &numbered, due)?);
                if self.transact(members).await? == Written::Done {
                    return Ok(Some(numbered));
                }
                after_lost_race(tried).await?;
            }
            Ok(None)
        })
    }

    /// A step of a walk along a webhook's log: makes new deliveries for those that failed and are their event's last
    /// ones, and says what is left. Made again, it makes none twice. The walk is over when the webhook takes nothing any
    /// more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn redeliver_slice<'a>(
        &'a self,
        asked: &'a Redelivery,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<RedeliverySlice, StoreError>> {
        Box::pin(async move {
            let (failed, looked_at) = self.failed_behind(asked, now).await?;
            let slice = |queued, behind: Option<(i64, u64)>| {
                let next = behind.map(|behind| Redelivery { behind, ..asked.clone() });
                Ok(RedeliverySlice { queued, next })
            };
            for tried in 0.. {
                if failed.is_empty() {
                    break;
                }
                let events: Vec<_> = failed.iter().map(|delivery| &*delivery.event_id).collect();
                let ground = self.ground(asked.user, &asked.webhook, &events).await?;
                let Some(ground) = ground.filter(|ground| ground.webhook.active) else { return slice(0, None) };
                let mut last = failed.iter().filter_map(|delivery| Some((delivery, ground.last(delivery)?)));
                let again: Vec<_> = last.by_ref().take(AT_ONCE).collect();
                // those that do not fit are behind the last one that does
                let full = last.next().and(again.last()).map(|(delivery, _)| place(delivery));
                if again.is_empty() || self.queue_again(asked.user, &ground.head, &again, now).await? {
                    return slice(again.len(), full.or(looked_at));
                }
                after_lost_race(tried).await?;
            }
            slice(0, looked_at)
        })
    }

    /// The next deliveries of a walk that failed and can be made again, and where it is then; `None` at its end.
    async fn failed_behind(
        &self,
        asked: &Redelivery,
        now: OffsetDateTime,
    ) -> Result<(Vec<Delivery>, Option<(i64, u64)>), StoreError> {
        let Redelivery { user, webhook, last, behind: (millis, number), .. } = asked;
        let from = by_time_sk(webhook, *millis, number + 1);
        let (places, is_end) = self.deliveries_from(*user, webhook, from, STEP).await?;
        let looked_at = places.last().filter(|_| !is_end).map(place_of).transpose()?;
        let mut failed = self.deliveries_at(*user, webhook, &places, *last).await?;
        failed.retain(|delivery| {
            delivery.status == DeliveryStatus::Failed && delivery.is_of_feed() && delivery.event_is_kept(now)
        });
        Ok((failed, looked_at))
    }

    /// The head, a webhook, and what is known of these events' last deliveries; `None` when there is no such webhook.
    async fn ground(&self, user: UserId, webhook: &str, events: &[&str]) -> Result<Option<Ground>, StoreError> {
        let events: BTreeSet<_> = events.iter().map(|event| resent_key(user, webhook, event)).collect();
        let keys = [head_key(user), webhook_key(user, webhook)].into_iter().chain(events).collect();
        let (mut head, mut known, mut resent) = (None, None, BTreeMap::new());
        for item in self.batch_get(keys).await? {
            let reader = item.read("delivery");
            match reader.text("sk")? {
                sk if sk.starts_with(RESENT) => {
                    resent.insert(reader.text("event_id")?.to_owned(), reader.number("version")?);
                }
                sk if sk == head_key(user).1 => head = Some(read_head(&item)?),
                _ => known = Some(read_webhook(&item)?),
            }
        }
        let (Some(head), Some(webhook)) = (head, known) else { return Ok(None) };
        Ok(head.sent(&webhook.id).map(|sent| Ground { head, webhook, sent, resent }))
    }

    /// Makes a new delivery for each of these, which are their events' last ones; `Ok(false)` when something changed. They
    /// wait for the sweep: many at once would hold other work back.
    async fn queue_again(
        &self,
        user: UserId,
        head: &Head,
        last: &[(&Delivery, Condition)],
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let mut next = Head { version: head.version + 1, ..head.clone() };
        let (mut members, due) = (Vec::new(), aside(now));
        for (delivery, condition) in last {
            let number = next.count(&delivery.webhook);
            let again = delivery.again(now, due).map_err(StoreError::random)?;
            let again = Delivery { number, ..again };
            members.push(resent_item(user, &again).put(&self.main, *condition)?);
            members.extend(self.waiting_members(user, &again, due)?);
        }
        members.push(head_item(user, &next).put(&self.main, head.condition())?);
        Ok(self.transact(members).await? == Written::Done)
    }
}

/// A delivery's place by time.
fn place(delivery: &Delivery) -> (i64, u64) {
    (epoch_millis(delivery.created_at), delivery.number)
}

/// Reads a place by time.
fn place_of(item: &Item) -> Result<(i64, u64), StoreError> {
    let reader = item.read("delivery");
    let millis = |sk: &str| sk.rsplit('#').nth(1)?.parse().ok();
    Ok((reader.parsed("sk", millis)?, reader.number("number")?))
}
