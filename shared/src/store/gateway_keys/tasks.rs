//! Organizations whose gateway keys are to be made, moved or removed.

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValue, TransactWriteItem, Update},
};
use time::{Duration, OffsetDateTime};

use super::{
    super::{
        BoxFuture, Store, StoreError, after_lost_race,
        client::{Written, unhindered},
        item::{Condition, Item, check, delete_where},
        organizations::organization_pk,
        retry::MAX_ATTEMPTS,
    },
    parts::{SHARDS, day, number, shard, unbuilt},
};
use crate::{
    clock::epoch_millis,
    model::{OrganizationId, Plan},
};

/// How long a worker may take before somebody else takes a task up.
const LEASE: Duration = Duration::seconds(60);

/// An organization whose gateway key is to be made, moved or removed, in the hands of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTask {
    /// The organization, which may be gone.
    pub organization: OrganizationId,
    /// How often it failed since it last came a step further.
    pub failed: u32,
    /// Tells this worker's lease from all others.
    run: u64,
}

fn task_pk(shard: u8) -> String {
    format!("WORK#gateway#{shard}")
}

pub(super) fn key_task(organization: OrganizationId) -> (String, String) {
    (task_pk(shard(organization)), organization_pk(organization))
}

impl Store {
    /// The member that leaves a task for an organization; one that is there stays as it is.
    pub(in super::super) fn key_task_member(
        &self,
        organization: OrganizationId,
        now: OffsetDateTime,
    ) -> Result<TransactWriteItem, StoreError> {
        let (pk, sk) = key_task(organization);
        let update = Update::builder()
            .table_name(&self.main)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .update_expression(
                "SET #due = if_not_exists(#due, :now), #run = if_not_exists(#run, :none), #failed = if_not_exists(#failed, :none)",
            )
            .expression_attribute_names("#due", "due")
            .expression_attribute_names("#run", "run")
            .expression_attribute_names("#failed", "failed")
            .expression_attribute_values(":now", number(epoch_millis(now)))
            .expression_attribute_values(":none", number(0))
            .build()
            .map_err(|error| unbuilt(&error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// The member that leaves a task for an organization that is new.
    pub(in super::super) fn new_key_task(
        &self,
        organization: OrganizationId,
        now: OffsetDateTime,
    ) -> Result<TransactWriteItem, StoreError> {
        let (pk, sk) = key_task(organization);
        let item = Item::new(pk, sk).number("due", epoch_millis(now)).number("run", 0).number("failed", 0);
        item.put(&self.main, Condition::None)
    }

    /// Leaves a task together with other members; `Ok(false)` when one of their conditions fails.
    pub(super) async fn queue_key_task(
        &self,
        with: Vec<TransactWriteItem>,
        (organization, now): (OrganizationId, OffsetDateTime),
    ) -> Result<bool, StoreError> {
        for attempt in 0..MAX_ATTEMPTS {
            let mut members = with.clone();
            members.push(self.key_task_member(organization, now)?);
            match self.transact(members).await? {
                Written::Done => return Ok(true),
                Written::Refused(failed) if !failed.is_empty() => return Ok(false),
                Written::Refused(_) => after_lost_race(attempt).await?,
            }
        }
        Err(StoreError::Contended(MAX_ATTEMPTS))
    }

    /// Marks an organization as used on the day of `now`, which it was not yet. One without a key of its own gets a task: so
    /// does one that was made before there were such keys, or whose key went because nobody used it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn mark_used(
        &self,
        organization: OrganizationId,
        has_key: bool,
        now: OffsetDateTime,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let update = Update::builder()
                .table_name(&self.main)
                .key("pk", AttributeValue::S(organization_pk(organization)))
                .key("sk", AttributeValue::S("ORG".to_owned()))
                .update_expression("SET gateway_used = :day")
                .condition_expression(
                    "attribute_exists(pk) AND (attribute_not_exists(gateway_used) OR gateway_used < :day)",
                )
                .expression_attribute_values(":day", number(day(now)))
                .build()
                .map_err(|error| unbuilt(&error))?;
            let mut members = vec![TransactWriteItem::builder().update(update).build()];
            if !has_key {
                members.push(self.key_task_member(organization, now)?);
            }
            // what is lost to somebody else was marked by them, or is made up for in a minute
            self.transact(members).await.map(|_| ())
        })
    }

    /// The organizations whose tasks are due, those that wait longest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn due_key_tasks(&self, now: OffsetDateTime) -> BoxFuture<'_, Result<Vec<OrganizationId>, StoreError>> {
        Box::pin(async move {
            let mut due = Vec::new();
            for shard in 0..SHARDS {
                for item in self.query(task_pk(shard), "ORG#").await? {
                    let reader = item.read("gateway key's task");
                    let organization = reader.text("sk")?.strip_prefix("ORG#").and_then(OrganizationId::parse);
                    match (organization, reader.number::<i64>("due")) {
                        (Some(organization), Ok(at)) if at <= epoch_millis(now) => due.push((at, organization)),
                        (Some(_), Ok(_)) => {}
                        // one that cannot be read must not stop the others
                        _ => tracing::error!("gateway key's task left alone"),
                    }
                }
            }
            due.sort_by_key(|(at, organization)| (*at, organization.to_string()));
            Ok(due.into_iter().map(|(_, organization)| organization).collect())
        })
    }

    /// Takes a task up for a minute; `None` when it is done, not due, or somebody else's.
    ///
    /// # Errors
    /// When the store fails.
    pub fn lease_key_task(
        &self,
        organization: OrganizationId,
        now: OffsetDateTime,
    ) -> BoxFuture<'_, Result<Option<KeyTask>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = key_task(organization);
            let call = self
                .client
                .update_item()
                .table_name(&self.main)
                .key("pk", AttributeValue::S(pk))
                .key("sk", AttributeValue::S(sk))
                .update_expression("SET #due = :end ADD #run :one")
                .condition_expression("attribute_exists(pk) AND #due <= :now")
                .expression_attribute_names("#due", "due")
                .expression_attribute_names("#run", "run")
                .expression_attribute_values(":end", number(epoch_millis(now + LEASE)))
                .expression_attribute_values(":now", number(epoch_millis(now)))
                .expression_attribute_values(":one", number(1))
                .return_values(ReturnValue::AllNew);
            match unhindered(|| call.clone().send()).await {
                Ok(output) => {
                    let item = Item::from(output.attributes.unwrap_or_default());
                    let reader = item.read("gateway key's task");
                    Ok(Some(KeyTask { organization, failed: reader.number("failed")?, run: reader.number("run")? }))
                }
                Err(error) => match error.as_service_error() {
                    Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
                    _ => Err(StoreError::call("UpdateItem", &error)),
                },
            }
        })
    }

    /// Gives a task back that is due again at the given time, having failed so often; somebody else's is left alone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn give_back_key_task<'a>(
        &'a self,
        task: &'a KeyTask,
        at: OffsetDateTime,
        failed: u32,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let (pk, sk) = key_task(task.organization);
            let call = self
                .client
                .update_item()
                .table_name(&self.main)
                .key("pk", AttributeValue::S(pk))
                .key("sk", AttributeValue::S(sk))
                .update_expression("SET #due = :at, #failed = :failed")
                .condition_expression("#run = :run")
                .expression_attribute_names("#due", "due")
                .expression_attribute_names("#failed", "failed")
                .expression_attribute_names("#run", "run")
                .expression_attribute_values(":at", number(epoch_millis(at)))
                .expression_attribute_values(":failed", number(failed))
                .expression_attribute_values(":run", number(task.run));
            self.update(call).await.map(|_| ())
        })
    }

    /// Ends a task, as long as the organization still has `plan`, or is still gone; `Ok(false)` when not, or when the task is
    /// somebody else's.
    ///
    /// # Errors
    /// When the store fails.
    pub fn finish_key_task<'a>(
        &'a self,
        task: &'a KeyTask,
        plan: Option<Plan>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let members = [self.has_plan(task.organization, plan)?, self.task_end(task)?];
            for attempt in 0..MAX_ATTEMPTS {
                match self.transact(members.to_vec()).await? {
                    Written::Done => return Ok(true),
                    Written::Refused(failed) if !failed.is_empty() => return Ok(false),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    pub(super) fn task_end(&self, task: &KeyTask) -> Result<TransactWriteItem, StoreError> {
        delete_where(&self.main, key_task(task.organization), ("run", number(task.run)))
    }

    /// The member that holds as long as an organization has a plan, or is gone.
    pub(super) fn has_plan(
        &self,
        organization: OrganizationId,
        plan: Option<Plan>,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = (organization_pk(organization), "ORG".to_owned());
        match plan {
            Some(plan) => {
                let plan = [(":plan", AttributeValue::S(plan.as_str().to_owned()))];
                check(&self.main, key, "#name = :plan", Some("plan"), plan)
            }
            None => check(&self.main, key, "attribute_not_exists(pk)", None, []),
        }
    }
}
