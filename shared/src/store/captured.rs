//! What test sessions send (openscouter 11): each batch is one item, numbered in the order of arrival, so that who
//! reads it back needs one query for a stream, and a batch that is sent twice is known.
//!
//! Ids that clients gave their items are remembered in the process. Another process may have taken in a batch in
//! between: then the number of the next batch is taken, and what is new is read before the write is tried again.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
};

use aws_sdk_dynamodb::{
    operation::put_item::PutItemError,
    types::{AttributeValue, TransactWriteItem},
};
use serde_json::value::RawValue;
use time::{Duration, OffsetDateTime};

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    item::{Condition, Item},
    large::{PART, compress, decompress},
    test_sessions::test_session_pk,
    trips::trip,
};
use crate::model::{CapturedStream, TestSession, TestSessionId};

/// How long what was captured is kept after a session's end (openscouter 21).
const KEPT: Duration = Duration::days(180);
/// Ids that a process remembers at most, over all sessions.
const MOST_REMEMBERED: usize = 1_000_000;

/// An item that is to be kept.
#[derive(Clone, Debug)]
pub struct Captured {
    /// The id that the client gave it.
    pub id: Option<String>,
    /// The kept fields as JSON.
    pub json: String,
}

/// What a process knows of the batches of a session's stream.
#[derive(Debug, Default)]
struct Known {
    /// Number of the next batch.
    next: u32,
    /// Whether `ids` has those of all batches before.
    complete: bool,
    ids: HashSet<u64>,
}

/// What a process knows of the batches that it met.
#[derive(Debug, Default)]
pub(super) struct CapturedMemory(Mutex<HashMap<(TestSessionId, CapturedStream), Known>>);

fn hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

impl CapturedMemory {
    fn with<T>(&self, key: (TestSessionId, CapturedStream), look: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains_key(&key)
            && known.values().map(|known| known.ids.len() + 64).sum::<usize>() > MOST_REMEMBERED
        {
            known.clear();
        }
        look(known.entry(key).or_default())
    }
}

fn sk(stream: CapturedStream, number: u32) -> String {
    format!("DATA#{}#{number:08}", stream.as_str())
}

fn array<'a>(items: impl Iterator<Item = &'a Captured>) -> Vec<u8> {
    let mut text = b"[".to_vec();
    for (place, item) in items.enumerate() {
        if place > 0 {
            text.push(b',');
        }
        text.extend_from_slice(item.json.as_bytes());
    }
    text.push(b']');
    text
}

/// The batch in pieces that an item can hold; nearly always it is one.
fn pieces(items: &[&Captured]) -> Result<Vec<Vec<u8>>, StoreError> {
    let bytes = compress(&array(items.iter().copied()))?;
    if bytes.len() <= PART || items.len() < 2 {
        return Ok(vec![bytes]);
    }
    let (left, right) = items.split_at(items.len() / 2);
    let mut all = pieces(left)?;
    all.extend(pieces(right)?);
    Ok(all)
}

impl Store {
    /// Keeps a batch in one write; how many of its items were there already (openscouter 11.1).
    ///
    /// # Errors
    /// When the store fails.
    pub fn keep_captured<'a>(
        &'a self,
        session: &'a TestSession,
        stream: CapturedStream,
        items: &'a [Captured],
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<u32, StoreError>> {
        Box::pin(async move {
            let memory = &*self.captured;
            let named = items.iter().any(|item| item.id.is_some());
            let batch = uuid::Uuid::new_v4().to_string();
            for attempt in 0.. {
                let (next, complete) = memory.with((session.id, stream), |known| (known.next, known.complete));
                if (named && !complete) || next == 0 {
                    self.learn(session.id, stream, if named { 0 } else { next }, named).await?;
                }
                let (next, fresh) = memory.with((session.id, stream), |known| {
                    let mut seen = HashSet::new();
                    let fresh: Vec<_> = items
                        .iter()
                        .filter(|item| {
                            item.id.as_deref().map(hash).is_none_or(|id| !known.ids.contains(&id) && seen.insert(id))
                        })
                        .collect();
                    (known.next, fresh)
                });
                let duplicates = u32::try_from(items.len() - fresh.len()).unwrap_or(u32::MAX);
                if fresh.is_empty() {
                    return Ok(duplicates);
                }
                let pieces = pieces(&fresh)?;
                let count = u32::try_from(pieces.len()).unwrap_or(1);
                if self.put_batch(session, stream, (next, &batch), pieces, now).await? {
                    memory.with((session.id, stream), |known| {
                        if known.next == next {
                            known.next += count;
                            known.ids.extend(fresh.iter().filter_map(|item| item.id.as_deref().map(hash)));
                        }
                    });
                    return Ok(duplicates);
                }
                // somebody else had this number
                self.learn(session.id, stream, next, named).await?;
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(u32::MAX))
        })
    }

    async fn put_batch(
        &self,
        session: &TestSession,
        stream: CapturedStream,
        (first, batch): (u32, &str),
        pieces: Vec<Vec<u8>>,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let end = session.guarded_until().max(now) + KEPT;
        let pk = test_session_pk(session.id);
        let mut items = (first..).zip(pieces).map(|(number, bytes)| {
            Item::new(pk.clone(), sk(stream, number))
                .text("batch", batch)
                .bytes("items", bytes)
                .number("ttl", end.unix_timestamp())
        });
        let only = items.next();
        let rest: Vec<_> = items.collect();
        let Some(only) = only else { return Ok(true) };
        if !rest.is_empty() {
            let members = std::iter::once(only).chain(rest).map(|item| item.put(&self.main, Condition::Absent));
            let members = members.collect::<Result<Vec<TransactWriteItem>, _>>()?;
            return Ok(self.transact(members).await? == Written::Done || self.is_own(&pk, stream, first, batch).await?);
        }
        let call = self
            .client
            .put_item()
            .table_name(&self.main)
            .set_item(Some(only.0))
            .condition_expression("attribute_not_exists(pk)");
        match trip(call.send()).await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                // the answer to an earlier try of this very call can have been lost
                Some(PutItemError::ConditionalCheckFailedException(_)) => self.is_own(&pk, stream, first, batch).await,
                _ => Err(StoreError::call("PutItem", &error)),
            },
        }
    }

    async fn is_own(&self, pk: &str, stream: CapturedStream, first: u32, batch: &str) -> Result<bool, StoreError> {
        let known = self.get(&self.main, pk.to_owned(), sk(stream, first)).await?;
        Ok(known.is_some_and(|known| known.read("batch").optional_text("batch") == Some(batch)))
    }

    /// Learns what other processes took in from batch `from` on: the ids, or the number of the last batch alone.
    async fn learn(
        &self,
        session: TestSessionId,
        stream: CapturedStream,
        from: u32,
        ids: bool,
    ) -> Result<(), StoreError> {
        let mut found = HashSet::new();
        let mut next = None;
        self.read_batches(session, stream, from, !ids, &mut |number, item| {
            next = next.max(Some(number + 1));
            if ids {
                let bytes = item.read("batch").bytes("items")?;
                let text = decompress(bytes).ok_or_else(|| item.read("batch").malformed("items"))?;
                found.extend(ids_of(&text).map_err(|_| item.read("batch").malformed("items"))?);
            }
            Ok(())
        })
        .await?;
        self.captured.with((session, stream), |known| {
            if let Some(next) = next {
                known.next = known.next.max(next);
            }
            if ids {
                known.complete |= from == 0;
                known.ids.extend(found);
            } else if next.is_some() {
                // what lies between was not looked at
                known.complete = false;
            }
        });
        Ok(())
    }

    /// Calls `take` with the batches of a stream from `from` on, in order; or with the last one alone.
    async fn read_batches(
        &self,
        session: TestSessionId,
        stream: CapturedStream,
        from: u32,
        last: bool,
        take: &mut (dyn FnMut(u32, &Item) -> Result<(), StoreError> + Send),
    ) -> Result<(), StoreError> {
        let mut start = None;
        loop {
            let mut call = self
                .client
                .query()
                .table_name(&self.main)
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                .expression_attribute_values(":pk", AttributeValue::S(test_session_pk(session)))
                .expression_attribute_values(":from", AttributeValue::S(sk(stream, from)))
                .expression_attribute_values(":to", AttributeValue::S(sk(stream, 99_999_999)))
                .consistent_read(true)
                .set_exclusive_start_key(start);
            if last {
                call = call.scan_index_forward(false).limit(1);
            }
            let output = trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
            for item in output.items.unwrap_or_default().into_iter().map(Item::from) {
                let number = item.read("batch").parsed("sk", |sk| sk.rsplit('#').next()?.parse().ok())?;
                take(number, &item)?;
            }
            start = output.last_evaluated_key;
            if start.is_none() || last {
                return Ok(());
            }
        }
    }

    /// Bytes of a stream's batches as they are stored, in the order of arrival: what DynamoDB's units are counted by.
    ///
    /// # Errors
    /// When the store fails.
    pub fn captured_sizes(
        &self,
        session: TestSessionId,
        stream: CapturedStream,
    ) -> BoxFuture<'_, Result<Vec<usize>, StoreError>> {
        Box::pin(async move {
            let mut sizes = Vec::new();
            self.read_batches(session, stream, 0, false, &mut |_, item| {
                sizes.push(item.size());
                Ok(())
            })
            .await?;
            Ok(sizes)
        })
    }

    /// What was kept of a stream, in the order of arrival: the batches' JSON arrays.
    ///
    /// # Errors
    /// When the store fails.
    pub fn captured(
        &self,
        session: TestSessionId,
        stream: CapturedStream,
    ) -> BoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            let mut batches = Vec::new();
            self.read_batches(session, stream, 0, false, &mut |_, item| {
                let bytes = item.read("batch").bytes("items")?;
                batches.push(decompress(bytes).ok_or_else(|| item.read("batch").malformed("items"))?);
                Ok(())
            })
            .await?;
            Ok(batches)
        })
    }
}

/// Hashes of the ids in a batch.
fn ids_of(text: &[u8]) -> Result<Vec<u64>, serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Named<'a> {
        #[serde(borrow, default)]
        id: Option<&'a RawValue>,
    }
    let items: Vec<Named<'_>> = serde_json::from_slice(text)?;
    // ids have no characters that JSON escapes
    Ok(items.iter().filter_map(|item| Some(hash(item.id?.get().trim_matches('"')))).collect())
}
