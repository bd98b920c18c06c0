//! How many organizations have keys of their own, and whose keys nobody uses.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use time::OffsetDateTime;

use super::{
    super::{
        BoxFuture, Store, StoreError,
        item::{Condition, Item},
        organizations::organization_pk,
        round_trips::{items_read, round_trip},
    },
    ALL, OwnKey,
    parts::{SHARDS, day},
    read_record, record_item, record_pk,
};

impl Store {
    /// How many organizations have a key of their own, or one that is being made or removed.
    ///
    /// # Errors
    /// When the store fails.
    pub fn own_key_count(&self) -> BoxFuture<'_, Result<u32, StoreError>> {
        Box::pin(async move {
            let item = self.get(&self.main, ALL.to_owned(), "COUNT".to_owned()).await?;
            item.map_or(Ok(0), |item| item.read("count of gateway keys").number("count"))
        })
    }

    /// Of the next `limit` keys, behind those that were looked at before, the ones that nobody has used since `since`. The
    /// walk goes round: behind the last shard it begins anew.
    ///
    /// # Errors
    /// When the store fails.
    pub fn idle_own_keys(&self, since: OffsetDateTime, limit: i32) -> BoxFuture<'_, Result<Vec<OwnKey>, StoreError>> {
        Box::pin(async move {
            let cursor = self.get(&self.main, ALL.to_owned(), "CURSOR".to_owned()).await?;
            let (shard, after) = match &cursor {
                Some(cursor) => {
                    let reader = cursor.read("walk through gateway keys");
                    (reader.number::<u8>("shard")?, reader.text("after")?.to_owned())
                }
                None => (0, "ORG#".to_owned()),
            };
            let call = self
                .client
                .query()
                .table_name(&self.main)
                .key_condition_expression("pk = :pk AND sk > :after")
                .expression_attribute_values(":pk", AttributeValue::S(record_pk(shard)))
                .expression_attribute_values(":after", AttributeValue::S(after))
                .limit(limit);
            let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
            let items: Vec<_> = output.items.unwrap_or_default().into_iter().map(Item::from).collect();
            items_read(items.len());
            let next = match items.last().filter(|_| output.last_evaluated_key.is_some()) {
                Some(last) => (shard, last.read("gateway key").text("sk")?.to_owned()),
                None => ((shard + 1) % SHARDS, "ORG#".to_owned()),
            };
            let keys: Vec<_> = items.iter().map(read_record).collect::<Result<_, _>>()?;
            let idle = self.unused(keys, since).await?;
            // two walks at once look at the same ones, which does no harm
            let next = Item::new(ALL.to_owned(), "CURSOR".to_owned()).number("shard", next.0).text("after", next.1);
            self.batch_put(vec![next]).await?;
            Ok(idle)
        })
    }

    /// Those of `keys` that are older than `since` and whose organizations made no request after it.
    async fn unused(&self, keys: Vec<OwnKey>, since: OffsetDateTime) -> Result<Vec<OwnKey>, StoreError> {
        let old: Vec<_> = keys.into_iter().filter(|key| !key.retiring && key.made_at < since).collect();
        let asked = old.iter().map(|key| (organization_pk(key.organization), "ORG".to_owned())).collect();
        let used: HashMap<_, _> = self
            .batches(asked)
            .await?
            .iter()
            .map(|item| (item.pk().to_owned(), item.read("organization").number::<i64>("gateway_used").unwrap_or(0)))
            .collect();
        let is_idle =
            |key: &OwnKey| used.get(&organization_pk(key.organization)).is_some_and(|last| *last < day(since));
        Ok(old.into_iter().filter(is_idle).collect())
    }

    /// A key that nobody uses is to go; `Ok(false)` when it changed meanwhile.
    ///
    /// # Errors
    /// When the store fails.
    pub fn retire_own_key<'a>(
        &'a self,
        key: &'a OwnKey,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let next = OwnKey { retiring: true, version: key.version + 1, ..key.clone() };
            let put = record_item(&next).put(&self.main, Condition::Version(key.version))?;
            self.queue_key_task(vec![put], (key.organization, now)).await
        })
    }
}
