//! An announcement becomes an event (outsend 16.2): one transaction takes it out, adds it to the feed, and makes a
//! delivery for each webhook that wants it. Nothing in it is shared with another account.

use aws_sdk_dynamodb::types::TransactWriteItem;
use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    feed::{Head, event_item, feed_pk, head_item, read_head},
    item::{Condition, Item},
    webhooks::{WEBHOOK, read_webhook},
};
use crate::model::{Announcement, Delivery, FeedEvent, FeedEventId, UserId, Webhook};

impl Store {
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
                let (head, webhooks) = self.head_and_webhooks(*user).await?;
                let id = FeedEventId::after(head.last, now).map_err(StoreError::random)?;
                let event = FeedEvent { id, name: *name, at: *at, data: data.to_owned() };
                let mut next =
                    Head { last: Some(id), number: head.number + 1, version: head.version + 1, ..head.clone() };
                let mut members = vec![self.taking_member(*user, reference)?, self.living_member(*user)?];
                for webhook in webhooks.iter().filter(|webhook| webhook.wants(*name)) {
                    members.extend(self.outgoing_members(*user, webhook, &event, next.count(&webhook.id), now)?);
                }
                members.push(event_item(*user, &event, next.number, now).put(&self.main, Condition::Absent)?);
                members.push(head_item(*user, &next).put(&self.main, head.condition())?);
                match self.transact(members).await? {
                    Written::Done => return Ok(()),
                    // it is published: by an earlier attempt, or by this very one whose answer was lost
                    Written::Refused(failed) if failed.contains(&0) => return Ok(()),
                    Written::Refused(failed) if failed.contains(&1) => {
                        return self.drop_announced(*user, reference).await;
                    }
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Ok(())
        })
    }

    /// The feed's head and the webhooks, which stand side by side.
    async fn head_and_webhooks(&self, user: UserId) -> Result<(Head, Vec<Webhook>), StoreError> {
        let items = self.query(feed_pk(user), "H").await?;
        let is_webhook = |item: &&Item| item.read("feed").optional_text("sk").is_some_and(|sk| sk.starts_with(WEBHOOK));
        let (webhooks, heads): (Vec<_>, Vec<_>) = items.iter().partition(is_webhook);
        let head = heads.first().map_or_else(|| Ok(Head::default()), |item| read_head(item))?;
        let webhooks = webhooks.into_iter().map(read_webhook).collect::<Result<Vec<_>, _>>()?;
        Ok((head.clone(), webhooks.into_iter().filter(|webhook| head.sent(&webhook.id).is_some()).collect()))
    }

    /// A delivery, and the work that makes it.
    fn outgoing_members(
        &self,
        user: UserId,
        webhook: &Webhook,
        event: &FeedEvent,
        number: u64,
        now: OffsetDateTime,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let due = webhook.first_attempt(now);
        let told = (event.id.to_string(), event.name.as_str());
        let delivery = Delivery::new(&webhook.id, number, told, now, due).map_err(StoreError::random)?;
        self.waiting_members(user, &delivery, due)
    }

    /// The transaction members that put a delivery there that waits, and the work that makes it.
    pub(super) fn waiting_members(
        &self,
        user: UserId,
        delivery: &Delivery,
        due: OffsetDateTime,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut members: Vec<_> = self.delivery_members(user, delivery)?.into();
        members.push(self.work_member(&delivery.work(user), due)?);
        Ok(members)
    }
}
