//! Deliveries of events to webhooks (outsend 16). Each webhook numbers its deliveries without gaps, so that any page of
//! its log is found by counting back from the last one; a second item for each, by time, says where the kept ones begin.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use time::OffsetDateTime;

use super::{
    BoxFuture, Page, Store, StoreError, after_lost_race,
    client::Written,
    feed::{Head, MARGIN, event_key, feed_pk, head_item, read_event},
    item::{Condition, Item},
    round_trips::{items_read, round_trip},
    webhooks::{read_webhook, secret_key, webhook_key},
};
use crate::{
    clock::epoch_millis,
    model::{Attempt, Delivery, DeliveryStatus, EVENTS_KEPT, FeedEvent, NamedDelivery, UserId, Webhook},
};

pub(super) fn delivery_key(user: UserId, webhook: &str, number: u64) -> (String, String) {
    (feed_pk(user), format!("SENT#{webhook}#{number:012}"))
}

/// What the sort keys by time of a millisecond's deliveries begin with.
pub(super) fn of_millis(webhook: &str, millis: i64) -> String {
    format!("SENTAT#{webhook}#{millis:015}#")
}

/// The place by time of a delivery that was made in this millisecond.
pub(super) fn by_time_sk(webhook: &str, millis: i64, number: u64) -> String {
    format!("{}{number:012}", of_millis(webhook, millis))
}

/// When an item may go.
pub(super) fn end_of(at: OffsetDateTime) -> i64 {
    (at + EVENTS_KEPT + MARGIN).unix_timestamp()
}

fn delivery_item(user: UserId, delivery: &Delivery) -> Item {
    let (pk, sk) = delivery_key(user, &delivery.webhook, delivery.number);
    // of one that is over there is none
    let work = Some(delivery.work(user).id).filter(|_| delivery.status == DeliveryStatus::Pending);
    let mut item = Item::new(pk, sk)
        .optional_text("work", work.as_deref())
        .text("id", &*delivery.id)
        .text("webhook", &*delivery.webhook)
        .number("number", delivery.number)
        .text("event_id", &*delivery.event_id)
        .text("event", &*delivery.event)
        .text("status", delivery.status.as_str())
        .number("attempts", delivery.attempts)
        .optional_text("last_error", delivery.last_error.as_deref())
        .optional_time("next_attempt_at", delivery.next_attempt_at)
        .time("created_at", delivery.created_at)
        .optional_time("delivered_at", delivery.delivered_at)
        .number("version", delivery.version)
        .number("ttl", end_of(delivery.created_at));
    if let Some(status) = delivery.last_status_code {
        item = item.number("last_status_code", status);
    }
    match delivery.duration_ms {
        Some(duration) => item.number("duration_ms", duration),
        None => item,
    }
}

pub(super) fn read_delivery(item: &Item) -> Result<Delivery, StoreError> {
    let reader = item.read("delivery");
    Ok(Delivery {
        id: reader.text("id")?.to_owned(),
        webhook: reader.text("webhook")?.to_owned(),
        number: reader.number("number")?,
        event_id: reader.text("event_id")?.to_owned(),
        event: reader.text("event")?.to_owned(),
        status: reader.parsed("status", DeliveryStatus::parse)?,
        attempts: reader.number("attempts")?,
        last_status_code: reader.number("last_status_code").ok(),
        last_error: reader.optional_text("last_error").map(str::to_owned),
        duration_ms: reader.number("duration_ms").ok(),
        next_attempt_at: reader.optional_time("next_attempt_at")?,
        created_at: reader.time("created_at")?,
        delivered_at: reader.optional_time("delivered_at")?,
        version: reader.number("version")?,
    })
}

/// A delivery with what it is made with.
#[derive(Clone, Debug)]
pub struct DueDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// Where to; `None` when it was deleted.
    pub webhook: Option<Webhook>,
    /// What it is signed with.
    pub secret: Option<String>,
    /// What is told.
    pub event: Option<FeedEvent>,
}

impl Store {
    /// The transaction members that put a delivery there: itself, and its place by time.
    pub(super) fn delivery_members(
        &self,
        user: UserId,
        delivery: &Delivery,
    ) -> Result<[TransactWriteItem; 2], StoreError> {
        let by_time = by_time_sk(&delivery.webhook, epoch_millis(delivery.created_at), delivery.number);
        let by_time = Item::new(feed_pk(user), by_time)
            .number("number", delivery.number)
            .number("ttl", end_of(delivery.created_at));
        Ok([
            delivery_item(user, delivery).put(&self.main, Condition::Absent)?,
            by_time.put(&self.main, Condition::None)?,
        ])
    }

    /// A delivery with its webhook, its secret and its event; `None` when it is gone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn due_delivery<'a>(
        &'a self,
        named: NamedDelivery<'a>,
    ) -> BoxFuture<'a, Result<Option<DueDelivery>, StoreError>> {
        Box::pin(async move {
            let NamedDelivery { user, webhook, number, event_id } = named;
            let keys = [
                delivery_key(user, webhook, number),
                webhook_key(user, webhook),
                secret_key(user, webhook),
                event_key(user, event_id),
            ];
            let items = self.batch_get(keys.to_vec()).await?;
            let [delivery, webhook, secret, event] = keys.map(|(pk, sk)| {
                items.iter().find(|item| item.pk() == pk && item.read("item").optional_text("sk") == Some(&sk))
            });
            let Some(delivery) = delivery else { return Ok(None) };
            Ok(Some(DueDelivery {
                delivery: read_delivery(delivery)?,
                webhook: webhook.map(read_webhook).transpose()?,
                secret: secret.map(|item| item.read("secret").text("secret").map(str::to_owned)).transpose()?,
                event: event.map(|item| read_event(item).map(|(event, _)| event)).transpose()?,
            }))
        })
    }

    /// A webhook with its secret; `None` when there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub fn webhook_with_secret<'a>(
        &'a self,
        user: UserId,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<(Webhook, String)>, StoreError>> {
        Box::pin(async move {
            let items = self.batch_get(vec![webhook_key(user, id), secret_key(user, id)]).await?;
            let (secrets, webhooks): (Vec<_>, Vec<_>) =
                items.iter().partition(|item| item.read("item").optional_text("secret").is_some());
            let (Some(webhook), Some(secret)) = (webhooks.first(), secrets.first()) else { return Ok(None) };
            Ok(Some((read_webhook(webhook)?, secret.read("secret").text("secret")?.to_owned())))
        })
    }

    /// Notes an attempt: the delivery as it was read becomes the one after it, and its webhook tells of it. `Ok(false)`
    /// when somebody else noted one meanwhile.
    ///
    /// # Errors
    /// When the store fails.
    pub fn note_attempt<'a>(
        &'a self,
        user: UserId,
        (before, after): (&'a Delivery, &'a Delivery),
        (webhook, attempt): (&'a Webhook, &'a Attempt),
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            for tried in 0.. {
                let members = vec![
                    delivery_item(user, after).put(&self.main, Condition::Version(before.version))?,
                    self.attempted_member(user, webhook, attempt, now)?,
                ];
                match self.transact(members).await? {
                    Written::Done => return Ok(true),
                    // another attempt was noted, or this very one, or the webhook is gone: no other one follows then
                    Written::Refused(failed) if !failed.is_empty() => {
                        return self.put_delivery(user, before, after).await;
                    }
                    Written::Refused(_) => after_lost_race(tried).await?,
                }
            }
            Ok(false)
        })
    }

    /// Writes a delivery over the one that was read; `Ok(false)` when it changed meanwhile.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_delivery<'a>(
        &'a self,
        user: UserId,
        before: &'a Delivery,
        after: &'a Delivery,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.put_version(delivery_item(user, after), before.version)
    }

    /// Logs a delivery that is over, with its attempt; its number is given here. `None` when the webhook is gone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn log_delivery<'a>(
        &'a self,
        user: UserId,
        delivery: &'a Delivery,
        (webhook, attempt): (&'a Webhook, &'a Attempt),
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Option<()>, StoreError>> {
        Box::pin(async move {
            for tried in 0.. {
                let head = self.feed_head(user).await?;
                let Some(sent) = head.sent(&webhook.id) else { return Ok(None) };
                if sent > 0 && self.is_logged(user, &webhook.id, sent, &delivery.id).await? {
                    // the answer to this very write was lost
                    return Ok(Some(()));
                }
                let mut next = Head { version: head.version + 1, ..head.clone() };
                let number = next.count(&webhook.id);
                let mut members = vec![
                    head_item(user, &next).put(&self.main, head.condition())?,
                    self.attempted_member(user, webhook, attempt, now)?,
                ];
                members.extend(self.delivery_members(user, &Delivery { number, ..delivery.clone() })?);
                if self.transact(members).await? == Written::Done {
                    return Ok(Some(()));
                }
                after_lost_race(tried).await?;
            }
            Ok(None)
        })
    }

    async fn is_logged(&self, user: UserId, webhook: &str, number: u64, id: &str) -> Result<bool, StoreError> {
        let (pk, sk) = delivery_key(user, webhook, number);
        let item = self.get(&self.main, pk, sk).await?;
        Ok(item.is_some_and(|item| item.read("delivery").optional_text("id") == Some(id)))
    }

    /// A page of a webhook's deliveries of the last 30 days, newest first; `None` when there is no such webhook. Every
    /// page costs the same.
    ///
    /// # Errors
    /// When the store fails.
    pub fn deliveries<'a>(
        &'a self,
        user: UserId,
        webhook: &'a str,
        (offset, limit): (u64, u32),
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Option<Page<Delivery>>, StoreError>> {
        Box::pin(async move {
            let (head, first) =
                futures_util::future::join(self.feed_head(user), self.first_kept(user, webhook, now)).await;
            let Some(sent) = head?.sent(webhook) else { return Ok(None) };
            let first = first?.unwrap_or(sent + 1);
            let total = (sent + 1).saturating_sub(first);
            let newest = sent.saturating_sub(offset);
            let numbers = (first..=newest).rev().take(limit as usize);
            let keys = numbers.map(|number| delivery_key(user, webhook, number)).collect();
            let items = self.batch_get(keys).await?;
            let mut members = items.iter().map(read_delivery).collect::<Result<Vec<_>, _>>()?;
            members.sort_by_key(|delivery| std::cmp::Reverse(delivery.number));
            Ok(Some(Page { total, members }))
        })
    }

    /// The number of the first delivery that is still kept.
    async fn first_kept(&self, user: UserId, webhook: &str, now: OffsetDateTime) -> Result<Option<u64>, StoreError> {
        let from = by_time_sk(webhook, epoch_millis(now - EVENTS_KEPT), 0);
        let (items, _) = self.deliveries_from(user, webhook, from, 1).await?;
        items.first().map(|item| item.read("delivery").number("number")).transpose()
    }

    /// A webhook's places by time from a sort key on, and whether these are the last.
    pub(super) async fn deliveries_from(
        &self,
        user: UserId,
        webhook: &str,
        from: String,
        limit: i32,
    ) -> Result<(Vec<Item>, bool), StoreError> {
        let call = self
            .client
            .query()
            .table_name(&self.main)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :end")
            .expression_attribute_values(":pk", AttributeValue::S(feed_pk(user)))
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":end", AttributeValue::S(format!("SENTAT#{webhook}#~")))
            .consistent_read(true)
            .limit(limit);
        let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
        let (items, last) = (output.items.unwrap_or_default(), output.last_evaluated_key.is_none());
        items_read(items.len());
        Ok((items.into_iter().map(Item::from).collect(), last))
    }
}
