//! Organizations' own gateway keys: what is to be done about them, what became of it, and how many there are.
//!
//! A *task* stands among the work that is due, one for each organization whose key is to be made, moved or removed; whoever
//! changes the organization leaves it there in the same transaction. It says nothing of what is to be done: that is seen from
//! the organization as it is and from the *record* of its key, which says how far the control plane was brought. One worker at
//! a time has a task, under a lease. Nothing here is read or written by requests, but for a new organization's task, and the
//! authorizer's mark of each day.

mod idle;
pub(super) mod parts;
mod tasks;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;

pub use self::tasks::KeyTask;
use self::{
    parts::{SHARDS, number, shard, unbuilt},
    tasks::key_task,
};
use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    item::{Condition, Item, delete_where},
    organizations::organization_pk,
    retry::MAX_ATTEMPTS,
};
use crate::model::{OrganizationId, Plan};

/// What all keys share.
const ALL: &str = "OWNKEYS";

/// An organization's own gateway key.
#[derive(Clone, Debug)]
pub struct OwnKey {
    /// Whose it is.
    pub organization: OrganizationId,
    /// Its value, chosen before the control plane hears of it.
    pub value: SecretString,
    /// The control plane's id of it, once that is known.
    pub id: Option<String>,
    /// The tier whose usage plans it may be in.
    pub plan: Option<Plan>,
    /// Since when it is in all of them.
    pub ready_at: Option<OffsetDateTime>,
    /// Since when its organization does not name it; `None` means that it may.
    pub quiet_since: Option<OffsetDateTime>,
    /// Whether it is to go, since nobody uses it.
    pub retiring: bool,
    /// When it was begun.
    pub made_at: OffsetDateTime,
    /// Counts its changes; the store's own.
    pub version: u64,
}

/// What became of a new key's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is there.
    Made,
    /// There are as many as there may be.
    Full,
    /// The organization changed meanwhile, or has one.
    Changed,
}

fn record_pk(shard: u8) -> String {
    format!("OWNKEY#{shard}")
}

fn record_key(organization: OrganizationId) -> (String, String) {
    (record_pk(shard(organization)), organization_pk(organization))
}

fn record_item(key: &OwnKey) -> Item {
    let (pk, sk) = record_key(key.organization);
    Item::new(pk, sk)
        .text("organization", key.organization.to_string())
        .text("value", key.value.expose_secret())
        .optional_text("id", key.id.as_deref())
        .optional_text("plan", key.plan.map(Plan::as_str))
        .optional_time("ready_at", key.ready_at)
        .optional_time("quiet_since", key.quiet_since)
        .number("retiring", u8::from(key.retiring))
        .time("made_at", key.made_at)
        .number("version", key.version)
}

fn read_record(item: &Item) -> Result<OwnKey, StoreError> {
    let reader = item.read("gateway key");
    Ok(OwnKey {
        organization: reader.parsed("organization", OrganizationId::parse)?,
        value: reader.text("value")?.into(),
        id: reader.optional_text("id").map(str::to_owned),
        plan: reader.optional_text("plan").and_then(Plan::parse),
        ready_at: reader.optional_time("ready_at")?,
        quiet_since: reader.optional_time("quiet_since")?,
        retiring: reader.flag("retiring")?,
        made_at: reader.time("made_at")?,
        version: reader.number("version")?,
    })
}

impl Store {
    /// After an organization is gone: its key is to go, and without one the task that its making left.
    pub(in super::super) async fn end_own_key(
        &self,
        organization: OrganizationId,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        // a record is made as long as the organization is there, so none comes any more
        if self.own_key(organization).await?.is_none() {
            return self.batch_delete(vec![key_task(organization)]).await;
        }
        self.queue_key_task(vec![], (organization, now)).await.map(|_| ())
    }

    /// An organization's own key, if one was begun.
    ///
    /// # Errors
    /// When the store fails.
    pub fn own_key(&self, organization: OrganizationId) -> BoxFuture<'_, Result<Option<OwnKey>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = record_key(organization);
            self.get(&self.main, pk, sk).await?.as_ref().map(read_record).transpose()
        })
    }

    /// Begins an organization's own key, which gets this value, unless there are `most` already. It counts from now on.
    ///
    /// # Errors
    /// When the store fails.
    pub fn record_own_key(
        &self,
        (organization, plan): (OrganizationId, Plan),
        value: SecretString,
        most: u32,
        now: OffsetDateTime,
    ) -> BoxFuture<'_, Result<Recorded, StoreError>> {
        Box::pin(async move {
            let key = OwnKey {
                organization,
                value,
                id: None,
                plan: None,
                ready_at: None,
                quiet_since: Some(now),
                retiring: false,
                made_at: now,
                version: 1,
            };
            for attempt in 0..MAX_ATTEMPTS {
                let members = vec![
                    record_item(&key).put(&self.main, Condition::Absent)?,
                    self.has_plan(organization, Some(plan))?,
                    self.count_own_keys(1, most)?,
                ];
                match self.transact(members).await? {
                    Written::Done => return Ok(Recorded::Made),
                    Written::Refused(failed) if failed == [2] => return Ok(Recorded::Full),
                    Written::Refused(failed) if !failed.is_empty() => return Ok(Recorded::Changed),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// The member that counts a key more, if there are fewer than `most`, or one less.
    fn count_own_keys(&self, change: i8, most: u32) -> Result<TransactWriteItem, StoreError> {
        let mut update = Update::builder()
            .table_name(&self.main)
            .key("pk", AttributeValue::S(ALL.to_owned()))
            .key("sk", AttributeValue::S("COUNT".to_owned()))
            .update_expression("ADD #count :change")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":change", number(change));
        if change > 0 {
            update = update
                .condition_expression("attribute_not_exists(pk) OR #count < :most")
                .expression_attribute_values(":most", number(most));
        }
        Ok(TransactWriteItem::builder().update(update.build().map_err(|error| unbuilt(&error))?).build())
    }

    /// Writes a key's record over the one that was read; `Ok(None)` when it changed meanwhile, else as it is now.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_own_key<'a>(&'a self, key: &'a OwnKey) -> BoxFuture<'a, Result<Option<OwnKey>, StoreError>> {
        Box::pin(async move {
            let next = OwnKey { version: key.version + 1, ..key.clone() };
            let written = self.put_version(record_item(&next), key.version).await?;
            Ok(written.then_some(next))
        })
    }

    /// From now on requests of an organization with this plan count for its own key; `Ok(false)` when it has not.
    ///
    /// # Errors
    /// When the store fails.
    pub fn name_own_key<'a>(&'a self, key: &'a OwnKey, plan: Plan) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let call = self
                .client
                .update_item()
                .table_name(&self.main)
                .key("pk", AttributeValue::S(organization_pk(key.organization)))
                .key("sk", AttributeValue::S("ORG".to_owned()))
                .update_expression("SET gateway_key = :value")
                .condition_expression("#plan = :plan")
                .expression_attribute_names("#plan", "plan")
                .expression_attribute_values(":plan", AttributeValue::S(plan.as_str().to_owned()))
                .expression_attribute_values(":value", AttributeValue::S(key.value.expose_secret().to_owned()));
            self.update(call).await
        })
    }

    /// From now on requests of an organization count for pool keys, in a process that has not seen it in the last minute.
    ///
    /// # Errors
    /// When the store fails.
    pub fn hush_own_key(&self, organization: OrganizationId) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let call = self
                .client
                .update_item()
                .table_name(&self.main)
                .key("pk", AttributeValue::S(organization_pk(organization)))
                .key("sk", AttributeValue::S("ORG".to_owned()))
                .update_expression("REMOVE gateway_key")
                .condition_expression("attribute_exists(pk)");
            self.update(call).await.map(|_| ())
        })
    }

    /// Forgets a key that the control plane has not any more, and ends the task with it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn forget_own_key<'a>(&'a self, key: &'a OwnKey, task: &'a KeyTask) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let members = vec![
                    delete_where(&self.main, record_key(key.organization), ("version", number(key.version)))?,
                    self.count_own_keys(-1, 0)?,
                    self.task_end(task)?,
                ];
                match self.transact(members).await? {
                    Written::Done => return Ok(true),
                    Written::Refused(failed) if !failed.is_empty() => return Ok(false),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// All organizations' own keys, for the local system's start.
    ///
    /// # Errors
    /// When the store fails.
    pub fn own_keys(&self) -> BoxFuture<'_, Result<Vec<OwnKey>, StoreError>> {
        Box::pin(async move {
            let mut keys = Vec::new();
            for shard in 0..SHARDS {
                for item in self.query(record_pk(shard), "ORG#").await? {
                    keys.push(read_record(&item)?);
                }
            }
            Ok(keys)
        })
    }
}
