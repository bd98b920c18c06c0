//! Work that outlives a request: an item written in the transaction that makes it necessary, taken
//! under a lease, deleted when it is done.

use aws_sdk_dynamodb::{
    operation::{put_item::PutItemError, update_item::UpdateItemError},
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};
use time::{Duration, OffsetDateTime};

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::{Written, unhindered},
    item::{Condition, Item},
    retry::MAX_ATTEMPTS,
};
use crate::{
    clock::epoch_millis,
    model::{AgentJobId, WorkItem, WorkKind},
    secret::sha256_hex,
};

/// How long a piece of work may take before somebody else takes it up.
const LEASE: Duration = Duration::seconds(60);
/// Partitions that work is spread over, so that no one of them takes every write.
const SHARDS: u8 = 8;

fn shard_pk(shard: u8) -> String {
    format!("WORK#{shard}")
}

pub(super) fn work_key(id: &str) -> (String, String) {
    let shard = sha256_hex(id.as_bytes()).bytes().next().map_or(0, |digit| digit % SHARDS);
    (shard_pk(shard), format!("WORK#{id}"))
}

fn read(item: &Item) -> Result<WorkItem, StoreError> {
    let reader = item.read("work");
    Ok(WorkItem {
        id: reader.text("id")?.to_owned(),
        kind: reader.parsed("kind", WorkKind::parse)?,
        subject: reader.text("subject")?.to_owned(),
        attempt: reader.number("attempt")?,
    })
}

fn work_item(work: &WorkItem, now: OffsetDateTime) -> Item {
    let (pk, sk) = work_key(&work.id);
    Item::new(pk, sk)
        .text("id", &*work.id)
        .text("kind", work.kind.as_str())
        .text("subject", &*work.subject)
        .number("attempt", work.attempt)
        .number("due", epoch_millis(now))
}

impl Store {
    /// A transaction member that puts work there.
    pub(super) fn work_member(&self, work: &WorkItem, now: OffsetDateTime) -> Result<TransactWriteItem, StoreError> {
        work_item(work, now).put(&self.main, Condition::Absent)
    }

    /// Puts work there of which there is one at a time; `Ok(false)` when there is another one, which has another
    /// subject. A retry after a lost answer finds its own.
    ///
    /// # Errors
    /// When the store fails.
    pub fn queue_alone<'a>(
        &'a self,
        work: &'a WorkItem,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let call = self
                .client
                .put_item()
                .table_name(&self.main)
                .set_item(Some(work_item(work, now).0))
                .condition_expression("attribute_not_exists(pk)")
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            let error = match unhindered(|| call.clone().send()).await {
                Ok(_) => return Ok(true),
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    let known = Item::from(failed.item().cloned().unwrap_or_default());
                    Ok(known.read("work").optional_text("subject") == Some(&work.subject))
                }
                _ => Err(StoreError::call("PutItem", &error)),
            }
        })
    }

    /// Puts work there by itself; work that is there already stays as it is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn queue<'a>(&'a self, work: &'a WorkItem, now: OffsetDateTime) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                match self.transact(vec![self.work_member(work, now)?]).await? {
                    Written::Done => return Ok(()),
                    Written::Refused(failed) if !failed.is_empty() => return Ok(()),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Takes up a piece of work for a minute; `None` when it is done, not due, or somebody else's.
    ///
    /// # Errors
    /// When the store fails.
    pub fn lease_work<'a>(
        &'a self,
        id: &'a str,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Option<WorkItem>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = work_key(id);
            let number = |value: i64| AttributeValue::N(value.to_string());
            let call = self
                .client
                .update_item()
                .table_name(&self.main)
                .key("pk", AttributeValue::S(pk))
                .key("sk", AttributeValue::S(sk))
                .update_expression("SET #due = :end ADD #attempt :one")
                .condition_expression("attribute_exists(pk) AND #due <= :now")
                .expression_attribute_names("#due", "due")
                .expression_attribute_names("#attempt", "attempt")
                .expression_attribute_values(":end", number(epoch_millis(now + LEASE)))
                .expression_attribute_values(":now", number(epoch_millis(now)))
                .expression_attribute_values(":one", number(1))
                .return_values(ReturnValue::AllNew);
            match unhindered(|| call.clone().send()).await {
                Ok(output) => read(&Item::from(output.attributes.unwrap_or_default())).map(Some),
                Err(error) => match error.as_service_error() {
                    Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
                    _ => Err(StoreError::call("UpdateItem", &error)),
                },
            }
        })
    }

    /// Gives back every lease: for a system of one process, whose earlier workers are gone for certain.
    ///
    /// # Errors
    /// When the store fails.
    pub fn release_leases(&self, now: OffsetDateTime) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.release_drainers().await?;
            for shard in 0..SHARDS {
                for item in self.query(shard_pk(shard), "WORK#").await? {
                    let Ok(work) = read(&item) else { continue };
                    let lost = match (work.kind, AgentJobId::parse(&work.subject)) {
                        (WorkKind::Agent, Some(job)) => self.requeue_agent(job, now).await?,
                        _ => false,
                    };
                    if work.attempt > 0 || lost {
                        self.continue_work(&work, now).await?;
                    }
                }
            }
            Ok(())
        })
    }

    /// Puts a piece of work back that came a step further, due at the given time; somebody else's is left alone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn continue_work<'a>(
        &'a self,
        work: &'a WorkItem,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.continue_work_as(work, &work.subject, now)
    }

    /// [`Store::continue_work`] with a subject that says how far it came.
    ///
    /// # Errors
    /// When the store fails.
    pub fn continue_work_as<'a>(
        &'a self,
        work: &'a WorkItem,
        subject: &'a str,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let (pk, sk) = work_key(&work.id);
            let call = self
                .client
                .update_item()
                .table_name(&self.main)
                .key("pk", AttributeValue::S(pk))
                .key("sk", AttributeValue::S(sk))
                .update_expression("SET #due = :now, #attempt = :none, #subject = :next")
                .condition_expression("#attempt = :attempt AND #subject = :subject")
                .expression_attribute_names("#due", "due")
                .expression_attribute_names("#attempt", "attempt")
                .expression_attribute_names("#subject", "subject")
                .expression_attribute_values(":next", AttributeValue::S(subject.to_owned()))
                .expression_attribute_values(":subject", AttributeValue::S(work.subject.clone()))
                .expression_attribute_values(":now", AttributeValue::N(epoch_millis(now).to_string()))
                .expression_attribute_values(":none", AttributeValue::N("0".to_owned()))
                .expression_attribute_values(":attempt", AttributeValue::N(work.attempt.to_string()));
            self.update(call).await.map(|_| ())
        })
    }

    /// Ends a piece of work, unless somebody else took it up meanwhile.
    ///
    /// # Errors
    /// When the store fails.
    pub fn finish_work<'a>(&'a self, work: &'a WorkItem) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let (pk, sk) = work_key(&work.id);
            let call = self
                .client
                .delete_item()
                .table_name(&self.main)
                .key("pk", AttributeValue::S(pk))
                .key("sk", AttributeValue::S(sk))
                .condition_expression("#attempt = :attempt AND #subject = :subject")
                .expression_attribute_names("#attempt", "attempt")
                .expression_attribute_names("#subject", "subject")
                .expression_attribute_values(":attempt", AttributeValue::N(work.attempt.to_string()))
                .expression_attribute_values(":subject", AttributeValue::S(work.subject.clone()));
            match unhindered(|| call.clone().send()).await {
                Ok(_) => Ok(()),
                Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                    Ok(())
                }
                Err(error) => Err(StoreError::call("DeleteItem", &error)),
            }
        })
    }

    /// Ids of the work that is due: new, or of a lease that lapsed. What is done is not there any
    /// more, so this reads what is waiting and no more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn due_work(&self, now: OffsetDateTime) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        Box::pin(async move {
            let mut due = Vec::new();
            for shard in 0..SHARDS {
                for item in self.query(shard_pk(shard), "WORK#").await? {
                    let reader = item.read("work");
                    let (id, at) = (reader.text("id"), reader.number::<i64>("due"));
                    match (id, at) {
                        (Ok(id), Ok(at)) if at <= epoch_millis(now) => due.push(id.to_owned()),
                        (Ok(_), Ok(_)) => {}
                        // one that cannot be read must not stop the others
                        (Err(error), _) | (_, Err(error)) => tracing::error!(cause = %error, "work left alone"),
                    }
                }
            }
            Ok(due)
        })
    }
}
