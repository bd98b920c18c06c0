//! What happens to jobs by the clock: the end of a lifetime, and of what is kept (outsend 7.5).
//!
//! Each job stands in one of a few lists, ordered by its next moment; a sweep reads the heads of the lists.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use time::OffsetDateTime;

use crate::{
    clock::epoch_millis,
    model::{Job, JobId},
    secret::sha256_hex,
    store::{
        BoxFuture, Store, StoreError,
        item::{Condition, Item, delete},
        round_trips::round_trip,
    },
};

/// Lists that the jobs are spread over.
const SHARDS: u8 = 4;

fn key(job: &Job) -> (String, String) {
    let id = job.id.to_string();
    let shard = sha256_hex(id.as_bytes()).bytes().next().map_or(0, |digit| digit % SHARDS);
    let at = job.purge_at.filter(|_| !job.status.is_active()).unwrap_or(job.expires_at);
    (format!("DEADLINE#{shard}"), format!("{:015}#{id}", epoch_millis(at)))
}

impl Store {
    /// The members that move a job to its next moment; of a job that is gone, or has none, only the old one goes.
    pub(super) fn deadline_members(
        &self,
        before: Option<&Job>,
        after: Option<&Job>,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let (before, after) = (before.map(key), after.map(key));
        if before == after {
            return Ok(Vec::new());
        }
        let mut members = Vec::new();
        if let Some((pk, sk)) = before {
            members.push(delete(&self.main, pk, sk)?);
        }
        if let Some((pk, sk)) = after {
            members.push(Item::new(pk, sk).put(&self.main, Condition::None)?);
        }
        Ok(members)
    }

    /// Jobs whose next moment has come, at most `limit` a list.
    ///
    /// # Errors
    /// When the store fails.
    pub fn due_jobs(&self, now: OffsetDateTime, limit: i32) -> BoxFuture<'_, Result<Vec<JobId>, StoreError>> {
        Box::pin(async move {
            let mut due = Vec::new();
            for shard in 0..SHARDS {
                let call = self
                    .client
                    .query()
                    .table_name(&self.main)
                    .key_condition_expression("pk = :pk AND sk < :end")
                    .expression_attribute_values(":pk", AttributeValue::S(format!("DEADLINE#{shard}")))
                    .expression_attribute_values(":end", AttributeValue::S(format!("{:015}#~", epoch_millis(now))))
                    .consistent_read(true)
                    .limit(limit);
                let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
                for item in output.items.unwrap_or_default().into_iter().map(Item::from) {
                    let id = item.read("deadline").text("sk").ok().and_then(|sk| sk.rsplit('#').next());
                    due.extend(id.and_then(JobId::parse));
                }
            }
            Ok(due)
        })
    }
}
