//! Invitations to sign up (outsend 6.3): by hash, for one account each.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError,
    client::Written,
    item::{Condition, Item},
};
use crate::clock::epoch_micros;

fn key(hash: &str) -> (String, String) {
    (format!("INVITE#{hash}"), "INVITE".to_owned())
}

impl Store {
    /// Stores an invitation by the hash of its code.
    ///
    /// # Errors
    /// When the store fails.
    pub fn invite<'a>(&'a self, hash: &'a str, expires_at: OffsetDateTime) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = key(hash);
            let item = Item::new(pk, sk).time("expires_at", expires_at).gone_after(expires_at);
            Ok(self.transact(vec![item.put(&self.main, Condition::Absent)?]).await? == Written::Done)
        })
    }

    /// A transaction member that uses an invitation up; it fails when there is none that works.
    pub(super) fn use_invitation(&self, hash: &str, now: OffsetDateTime) -> Result<TransactWriteItem, StoreError> {
        let (pk, sk) = key(hash);
        let update = Update::builder()
            .table_name(&self.main)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .update_expression("SET used_at = :now")
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(used_at) AND expires_at > :now")
            .expression_attribute_values(":now", AttributeValue::N(epoch_micros(now).to_string()))
            .build()
            .map_err(|error| StoreError::Call { operation: "Update", cause: error.to_string() })?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}
