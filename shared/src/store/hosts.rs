//! Hosts of the web that jobs visit (outsend 11.5, pace): whose turn it is, over all jobs and processes, and what their
//! `robots.txt` said. Both in the hot table.
//!
//! A host's item says who has it and when it is free: while it is visited, the end of the visitor's lease; then, the end
//! of the pause. Whoever dies renews nothing, so that the host is free when the lease ends.

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use time::{Duration, OffsetDateTime};

use super::{
    BoxFuture, Store, StoreError,
    chunked::{PART, compress, decompress},
    client::unhindered,
    item::Item,
};
use crate::clock::epoch_millis;

/// How much longer a host's item stays than it says anything.
const KEPT: Duration = Duration::minutes(10);
/// How long a `robots.txt` is taken as it was read.
const RULES: Duration = Duration::hours(24);

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn rules_key(origin: &str) -> (String, String) {
    (format!("ROBOTS#{origin}"), "ROBOTS".to_owned())
}

impl Store {
    /// Takes a host for `visitor` until `now + lease`, or keeps it that long; `Some` with the time after which it may be
    /// free when somebody else has it or it is to be left alone. Of visitors who ask at the same time one gets it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn take_host<'a>(
        &'a self,
        host: &'a str,
        visitor: &'a str,
        lease: Duration,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Option<Duration>, StoreError>> {
        Box::pin(async move {
            let end = now + lease;
            let call = self
                .host(host, visitor)
                .update_expression("SET #holder = :visitor, #free = :end, #ttl = :ttl")
                .condition_expression("attribute_not_exists(pk) OR #holder = :visitor OR #free <= :now")
                .expression_attribute_names("#free", "free")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":now", number(epoch_millis(now)))
                .expression_attribute_values(":end", number(epoch_millis(end)))
                .expression_attribute_values(":ttl", number((end + KEPT).unix_timestamp()))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            let error = match unhindered(|| call.clone().send()).await {
                Ok(_) => return Ok(None),
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let known = Item::from(failed.item().cloned().unwrap_or_default());
                    let free: i64 = known.read("host").number("free").unwrap_or_default();
                    Ok(Some(Duration::milliseconds((free - epoch_millis(now)).max(1))))
                }
                _ => Err(StoreError::call("UpdateItem", &error)),
            }
        })
    }

    /// Gives a host back that is left alone for `pause` from now on; `Ok(false)` when it is not the visitor's any more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn leave_host<'a>(
        &'a self,
        host: &'a str,
        visitor: &'a str,
        pause: Duration,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let free = now + pause;
            let call = self
                .host(host, visitor)
                .update_expression("SET #free = :free, #ttl = :ttl REMOVE #holder")
                .condition_expression("#holder = :visitor")
                .expression_attribute_names("#free", "free")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":free", number(epoch_millis(free)))
                .expression_attribute_values(":ttl", number((free + KEPT).unix_timestamp()));
            self.update(call).await
        })
    }

    /// What was kept of an origin's `robots.txt` in the last 24 hours.
    ///
    /// # Errors
    /// When the store fails.
    pub fn host_rules<'a>(&'a self, origin: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = rules_key(origin);
            let Some(item) = self.get(&self.hot, pk, sk).await? else { return Ok(None) };
            Ok(decompress(item.read("robots").bytes("rules")?))
        })
    }

    /// Keeps an origin's `robots.txt` for 24 hours, unless somebody else just did. One that is too long is not kept.
    ///
    /// # Errors
    /// When the store fails.
    pub fn keep_host_rules<'a>(
        &'a self,
        origin: &'a str,
        rules: &'a [u8],
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let packed = compress(rules)?;
            if packed.len() > PART {
                return Ok(());
            }
            let (pk, sk) = rules_key(origin);
            let item = Item::new(pk, sk).bytes("rules", packed).gone_after(now + RULES);
            self.transact(vec![item.put_over_ended(&self.hot, now)?]).await.map(|_| ())
        })
    }

    fn host(&self, host: &str, visitor: &str) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.hot)
            .key("pk", AttributeValue::S(format!("HOST#{host}")))
            .key("sk", AttributeValue::S("HOST".to_owned()))
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_values(":visitor", AttributeValue::S(visitor.to_owned()))
    }
}
