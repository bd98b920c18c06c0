//! The leases of lists' drainers (`group_commit`): one at a time saves work, and no more.

use aws_sdk_dynamodb::types::AttributeValue;
use time::{Duration, OffsetDateTime};

use super::{Store, StoreError, pending::SharedList};
use crate::clock::epoch_millis;

/// How long a drainer may take before another one starts.
const LEASE: Duration = Duration::seconds(60);

impl Store {
    /// Gives back the drainers' leases: for a system of one process, whose earlier drainers are gone for certain.
    pub(super) async fn release_drainers(&self) -> Result<(), StoreError> {
        self.batch_delete(SharedList::ALL.into_iter().map(SharedList::drain_key).collect()).await
    }

    /// Whether somebody drains these lists.
    pub(super) async fn is_drained(&self, list: SharedList, now: OffsetDateTime) -> Result<bool, StoreError> {
        let (pk, sk) = list.drain_key();
        let Some(lease) = self.get(&self.main, pk, sk).await? else { return Ok(false) };
        Ok(lease.read("drainer's lease").number::<i64>("end").is_ok_and(|end| end > epoch_millis(now)))
    }

    /// Takes the lease of these lists for `holder`, unless somebody has it.
    pub(super) async fn take_drain(
        &self,
        list: SharedList,
        holder: &str,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let (pk, sk) = list.drain_key();
        let number = |value: i64| AttributeValue::N(value.to_string());
        let call = self
            .client
            .update_item()
            .table_name(&self.main)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .update_expression("SET #holder = :holder, #end = :end")
            .condition_expression("attribute_not_exists(#end) OR #end <= :now OR #holder = :holder")
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_names("#end", "end")
            .expression_attribute_values(":holder", AttributeValue::S(holder.to_owned()))
            .expression_attribute_values(":end", number(epoch_millis(now + LEASE)))
            .expression_attribute_values(":now", number(epoch_millis(now)));
        self.update(call).await
    }

    /// Gives a lease back, if it is still the holder's.
    pub(super) async fn release_drain(&self, list: SharedList, holder: &str) -> Result<(), StoreError> {
        let (pk, sk) = list.drain_key();
        let call = self
            .client
            .update_item()
            .table_name(&self.main)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .update_expression("REMOVE #end")
            .condition_expression("#holder = :holder")
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_names("#end", "end")
            .expression_attribute_values(":holder", AttributeValue::S(holder.to_owned()));
        self.update(call).await.map(|_| ())
    }
}
