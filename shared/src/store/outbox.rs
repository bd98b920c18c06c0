//! What waits to be published (outsend 16.2): written in the very transaction of a change of state, so that no change
//! goes without its event, and no event without its change. Work takes it from there to the account's feed.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem};

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    feed::feed_pk,
    item::{Condition, Item},
    jobs::{job_item, read_job},
};
use crate::model::{Announcement, EventData, EventName, UserId};

fn outbox_key(user: UserId, reference: &str) -> (String, String) {
    (feed_pk(user), format!("OUTBOX#{reference}"))
}

fn outbox_item(announcement: &Announcement) -> Item {
    let (pk, sk) = outbox_key(announcement.user, &announcement.reference);
    let item = match &announcement.data {
        EventData::Job(job) => job_item(job),
        EventData::Json(text) => Item::default().text("data", &**text),
    };
    item.text("pk", pk)
        .text("sk", sk)
        .text("event", announcement.name.as_str())
        .text("reference", &*announcement.reference)
        .time("at", announcement.at)
}

fn read_outbox(user: UserId, item: &Item) -> Result<Announcement, StoreError> {
    let reader = item.read("outbox");
    let data = match reader.optional_text("data") {
        Some(text) => EventData::Json(text.to_owned()),
        None => EventData::Job(Box::new(read_job(item)?)),
    };
    Ok(Announcement {
        user,
        name: reader.parsed("event", EventName::parse)?,
        reference: reader.text("reference")?.to_owned(),
        at: reader.time("at")?,
        data,
    })
}

impl Store {
    /// The transaction members that announce an event: what is told, and the work that publishes it. They belong into
    /// the transaction of the change that is told of, whose own condition lets it happen once.
    pub(super) fn announcing_members(&self, announcement: &Announcement) -> Result<[TransactWriteItem; 2], StoreError> {
        Ok([
            outbox_item(announcement).put(&self.main, Condition::Absent)?,
            self.work_member(&announcement.work(), announcement.at)?,
        ])
    }

    /// The transaction member that takes an event out, if it is still there.
    pub(super) fn taking_member(&self, user: UserId, reference: &str) -> Result<TransactWriteItem, StoreError> {
        let (pk, sk) = outbox_key(user, reference);
        let delete = Delete::builder()
            .table_name(&self.main)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(|error| StoreError::Call { operation: "Delete", cause: error.to_string() })?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Announces an event by itself; what is announced already stays as it is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn announce<'a>(&'a self, announcement: &'a Announcement) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            for attempt in 0.. {
                match self.transact(self.announcing_members(announcement)?.into()).await? {
                    Written::Refused(failed) if failed.is_empty() => after_lost_race(attempt).await?,
                    Written::Done | Written::Refused(_) => return Ok(()),
                }
            }
            Ok(())
        })
    }

    /// What waits to be published under this reference; `None` when it is published.
    ///
    /// # Errors
    /// When the store fails.
    pub fn announced<'a>(
        &'a self,
        user: UserId,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Announcement>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = outbox_key(user, reference);
            let item = self.get(&self.main, pk, sk).await?;
            item.as_ref().map(|item| read_outbox(user, item)).transpose()
        })
    }
}
