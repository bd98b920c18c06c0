//! The DynamoDB client and the few calls that all access patterns are made of.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        put_item::PutItemError, transact_write_items::TransactWriteItemsError,
        update_item::builders::UpdateItemFluentBuilder,
    },
    types::{
        AttributeValue, DeleteRequest, KeysAndAttributes, PutRequest, ReturnValuesOnConditionCheckFailure,
        TransactWriteItem, WriteRequest,
    },
};

use super::{
    BoxFuture,
    error::StoreError,
    ingested::IngestedMemory,
    item::Item,
    memory::Memory,
    retry::after_lost_race,
    round_trips::{items_read, round_trip},
    turns::Turns,
};
use crate::{
    aws::{self, Reach},
    clock::Clock,
    config::StoreSettings,
    model::JobRules,
};

/// DynamoDB returns at most this many items for one `BatchGetItem`.
const BATCH: usize = 100;
/// DynamoDB takes at most this many items in one `BatchWriteItem`.
const MAX_WRITES: usize = 25;
/// Bytes of one `BatchWriteItem`, which takes 16 MB.
const MAX_WRITTEN: usize = 4_000_000;

/// What became of a conditional transaction.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// All of it was written.
    Done,
    /// Nothing was written: these members' conditions failed (by position); empty when another
    /// transaction was in the way.
    Refused(Vec<usize>),
}

/// The store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) client: Client,
    pub(super) main: String,
    pub(super) hot: String,
    pub(super) memory: Memory,
    pub(super) ingested: std::sync::Arc<IngestedMemory>,
    /// Held by who puts a session into its lists, so that the tasks of a process do not get in each other's way.
    pub(super) placing: std::sync::Arc<tokio::sync::Mutex<()>>,
    pub(super) turns: Turns,
    pub(super) rules: JobRules,
    pub(super) clock: Clock,
}

impl Store {
    /// The store that `settings` name, where jobs run under `rules`; by `clock` items end. It is reached
    /// as `reach` says. Opens no connection yet.
    #[must_use]
    pub fn connect(settings: &StoreSettings, rules: &JobRules, clock: Clock, reach: &Reach) -> Self {
        Self {
            client: aws::dynamodb(settings, settings.endpoint.as_deref(), reach),
            main: settings.main_table.clone(),
            hot: settings.hot_table.clone(),
            memory: Memory::default(),
            ingested: std::sync::Arc::default(),
            placing: std::sync::Arc::default(),
            turns: Turns::default(),
            rules: rules.clone(),
            clock,
        }
    }

    /// The store's client, for what lives in the same tables.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Whether an item's time has not passed. What has ended is not there, whether the store has removed it or not.
    pub(super) fn lives(&self, item: &Item) -> bool {
        item.lives_at(|| self.clock.now())
    }

    /// A consistent read of one item that has not ended.
    pub(super) fn get<'a>(
        &'a self,
        table: &'a str,
        pk: String,
        sk: String,
    ) -> BoxFuture<'a, Result<Option<Item>, StoreError>> {
        Box::pin(async move {
            let call = self
                .client
                .get_item()
                .table_name(table)
                .key("pk", AttributeValue::S(pk))
                .key("sk", AttributeValue::S(sk))
                .consistent_read(true);
            let output = round_trip(call.send()).await.map_err(|error| StoreError::call("GetItem", &error))?;
            items_read(usize::from(output.item.is_some()));
            Ok(output.item.map(Item::from).filter(|item| self.lives(item)))
        })
    }

    /// Consistent reads of many keys of the main table; missing ones, and those that have ended, are absent from the
    /// answer, which has no order.
    pub(super) fn batch_get(&self, keys: Vec<(String, String)>) -> BoxFuture<'_, Result<Vec<Item>, StoreError>> {
        Box::pin(async move {
            let mut pending = keys;
            let mut items = Vec::with_capacity(pending.len());
            let mut attempts = 0_u32;
            while !pending.is_empty() {
                let now: Vec<_> = pending.drain(..pending.len().min(BATCH)).collect();
                let keys = now
                    .into_iter()
                    .map(|(pk, sk)| {
                        HashMap::from([
                            ("pk".to_owned(), AttributeValue::S(pk)),
                            ("sk".to_owned(), AttributeValue::S(sk)),
                        ])
                    })
                    .collect();
                let request = KeysAndAttributes::builder()
                    .set_keys(Some(keys))
                    .consistent_read(true)
                    .build()
                    .map_err(|error| StoreError::Call { operation: "BatchGetItem", cause: error.to_string() })?;
                let call = self.client.batch_get_item().request_items(&self.main, request);
                let output = round_trip(call.send()).await.map_err(|error| StoreError::call("BatchGetItem", &error))?;
                let found = output.responses.unwrap_or_default().remove(&self.main).unwrap_or_default();
                items_read(found.len());
                items.extend(found.into_iter().map(Item::from).filter(|item| self.lives(item)));
                let unprocessed = output.unprocessed_keys.unwrap_or_default().remove(&self.main);
                for key in unprocessed.map(|request| request.keys).unwrap_or_default() {
                    if let (Some(AttributeValue::S(pk)), Some(AttributeValue::S(sk))) = (key.get("pk"), key.get("sk")) {
                        pending.push((pk.clone(), sk.clone()));
                    }
                    attempts += 1;
                }
                if attempts > 1_000 {
                    return Err(StoreError::Contended(attempts));
                }
            }
            Ok(items)
        })
    }

    /// [`Store::batch_get`] of any number of keys: the batches go out together.
    pub(super) async fn batches(&self, keys: Vec<(String, String)>) -> Result<Vec<Item>, StoreError> {
        let batches = keys.chunks(BATCH).map(|keys| self.batch_get(keys.to_vec()));
        Ok(futures_util::future::try_join_all(batches).await?.into_iter().flatten().collect())
    }

    /// All items of a partition of the main table whose sort key begins with `prefix` and that have not ended.
    pub(super) fn query<'a>(&'a self, pk: String, prefix: &'a str) -> BoxFuture<'a, Result<Vec<Item>, StoreError>> {
        Box::pin(async move {
            let mut items = self.query_all(pk, prefix).await?;
            items.retain(|item| self.lives(item));
            Ok(items)
        })
    }

    /// [`Store::query`] with those that have ended, for who removes them.
    pub(super) fn query_all<'a>(&'a self, pk: String, prefix: &'a str) -> BoxFuture<'a, Result<Vec<Item>, StoreError>> {
        self.query_in(&self.main, pk, prefix)
    }

    /// [`Store::query_all`] of a table.
    pub(super) fn query_in<'a>(
        &'a self,
        table: &'a str,
        pk: String,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Item>, StoreError>> {
        Box::pin(async move {
            let mut start = None;
            let mut items = Vec::new();
            loop {
                let call = self
                    .client
                    .query()
                    .table_name(table)
                    .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                    .expression_attribute_values(":pk", AttributeValue::S(pk.clone()))
                    .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
                    .consistent_read(true)
                    .set_exclusive_start_key(start);
                let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
                let found = output.items.unwrap_or_default();
                items_read(found.len());
                items.extend(found.into_iter().map(Item::from));
                start = output.last_evaluated_key;
                if start.is_none() {
                    return Ok(items);
                }
            }
        })
    }

    /// Keys of the first items of a partition.
    pub(super) async fn some_keys(
        &self,
        pk: String,
        prefix: &str,
        limit: i32,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let mut call = self.client.query().table_name(&self.main);
        call = if prefix.is_empty() {
            call.key_condition_expression("pk = :pk")
        } else {
            call.key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
        };
        let call = call
            .expression_attribute_values(":pk", AttributeValue::S(pk.clone()))
            .projection_expression("pk, sk")
            .consistent_read(true)
            .limit(limit);
        let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
        let items = output.items.unwrap_or_default().into_iter().map(Item::from);
        items.map(|item| Ok((pk.clone(), item.read("item").text("sk")?.to_owned()))).collect()
    }

    /// Deletes the items of a partition whose sort keys have this prefix, which can be long: only their keys are read.
    pub(super) async fn drop_items(&self, pk: &str, prefix: &str) -> Result<(), StoreError> {
        self.drop_but(pk, prefix, &[]).await
    }

    /// [`Store::drop_items`], but for those with the sort keys in `kept`.
    pub(super) async fn drop_but(&self, pk: &str, prefix: &str, kept: &[&str]) -> Result<(), StoreError> {
        const STEP: i32 = 100;
        loop {
            let mut keys = self.some_keys(pk.to_owned(), prefix, STEP).await?;
            keys.retain(|(_, sk)| !kept.contains(&sk.as_str()));
            if keys.is_empty() {
                return Ok(());
            }
            self.batch_delete(keys).await?;
        }
    }

    /// Puts items of the main table, without conditions.
    pub(super) async fn batch_put(&self, items: Vec<Item>) -> Result<(), StoreError> {
        self.batch_put_in(&self.main, items).await
    }

    /// Puts items of a table, without conditions.
    pub(super) async fn batch_put_in(&self, table: &str, items: Vec<Item>) -> Result<(), StoreError> {
        let requests = items.into_iter().map(|item| {
            let size = item.size();
            let put = PutRequest::builder()
                .set_item(Some(item.0))
                .build()
                .map_err(|error| StoreError::Call { operation: "Put", cause: error.to_string() })?;
            Ok((size, WriteRequest::builder().put_request(put).build()))
        });
        let mut batch = Vec::new();
        let mut bytes = 0;
        for request in requests {
            let (size, request): (usize, WriteRequest) = request?;
            if batch.len() == MAX_WRITES || (bytes + size > MAX_WRITTEN && !batch.is_empty()) {
                self.batch_write(table, std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
            bytes += size;
            batch.push(request);
        }
        self.batch_write(table, batch).await
    }

    /// Deletes items of the main table.
    pub(super) async fn batch_delete(&self, keys: Vec<(String, String)>) -> Result<(), StoreError> {
        self.batch_delete_in(&self.main, keys).await
    }

    /// Deletes items of a table.
    pub(super) async fn batch_delete_in(&self, table: &str, keys: Vec<(String, String)>) -> Result<(), StoreError> {
        for batch in keys.chunks(MAX_WRITES) {
            let requests = batch.iter().map(|(pk, sk)| {
                let delete = DeleteRequest::builder()
                    .key("pk", AttributeValue::S(pk.clone()))
                    .key("sk", AttributeValue::S(sk.clone()))
                    .build()
                    .map_err(|error| StoreError::Call { operation: "Delete", cause: error.to_string() })?;
                Ok(WriteRequest::builder().delete_request(delete).build())
            });
            self.batch_write(table, requests.collect::<Result<_, StoreError>>()?).await?;
        }
        Ok(())
    }

    async fn batch_write(&self, table: &str, requests: Vec<WriteRequest>) -> Result<(), StoreError> {
        let mut pending = requests;
        for attempt in 0.. {
            if pending.is_empty() {
                break;
            }
            let call =
                self.client.batch_write_item().set_request_items(Some(HashMap::from([(table.to_owned(), pending)])));
            let output = round_trip(call.send()).await.map_err(|error| StoreError::call("BatchWriteItem", &error))?;
            pending = output.unprocessed_items.unwrap_or_default().remove(table).unwrap_or_default();
            if !pending.is_empty() {
                after_lost_race(attempt).await?;
            }
        }
        Ok(())
    }

    /// Runs one conditional update; `Ok(false)` when its condition failed.
    pub(super) fn update(&self, call: UpdateItemFluentBuilder) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            match unhindered(|| call.clone().send()).await {
                Ok(_) => Ok(true),
                Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                    Ok(false)
                }
                Err(error) => Err(StoreError::call("UpdateItem", &error)),
            }
        })
    }

    /// Puts one item of the main table over the version that was read; `Ok(false)` when it has another one.
    /// A retry after a lost answer finds the item as it was to become, and that is no other one.
    pub(super) fn put_version(&self, item: Item, version: u64) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let call = self
                .client
                .put_item()
                .table_name(&self.main)
                .set_item(Some(item.0.clone()))
                .condition_expression("#version = :version")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":version", AttributeValue::N(version.to_string()))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            let error = match unhindered(|| call.clone().send()).await {
                Ok(_) => return Ok(true),
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => Ok(failed.item() == Some(&item.0)),
                _ => Err(StoreError::call("PutItem", &error)),
            }
        })
    }

    /// Writes all of `members` or none.
    pub(super) fn transact(&self, members: Vec<TransactWriteItem>) -> BoxFuture<'_, Result<Written, StoreError>> {
        Box::pin(async move {
            let call = self.client.transact_write_items().set_transact_items(Some(members));
            let error = match round_trip(call.send()).await {
                Ok(_) => return Ok(Written::Done),
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    let codes: Vec<_> =
                        cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or("None")).collect();
                    if codes.iter().all(|code| PASSING.contains(code)) {
                        let failed = codes.iter().enumerate().filter(|(_, code)| **code == "ConditionalCheckFailed");
                        return Ok(Written::Refused(failed.map(|(position, _)| position).collect()));
                    }
                    Err(StoreError::call("TransactWriteItems", &error))
                }
                Some(TransactWriteItemsError::TransactionInProgressException(_)) => Ok(Written::Refused(Vec::new())),
                _ => Err(StoreError::call("TransactWriteItems", &error)),
            }
        })
    }
}

/// Why a transaction was cancelled that may be tried again, or whose members' conditions say why not.
const PASSING: [&str; 5] =
    ["None", "ConditionalCheckFailed", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

/// Sends the write of a single item again as often as a transaction is in its way: DynamoDB refuses it then, and the
/// client does not try again by itself.
pub(super) async fn unhindered<T, E, R, F>(send: impl Fn() -> F) -> Result<T, SdkError<E, R>>
where
    F: Future<Output = Result<T, SdkError<E, R>>>,
    E: ProvideErrorMetadata,
{
    let mut attempt = 0;
    loop {
        let error = match round_trip(send()).await {
            Ok(output) => return Ok(output),
            Err(error) => error,
        };
        let hindered =
            error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("TransactionConflictException");
        if !hindered || after_lost_race(attempt).await.is_err() {
            return Err(error);
        }
        attempt += 1;
    }
}
