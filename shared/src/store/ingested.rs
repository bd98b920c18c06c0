//! What test sessions send (openscouter 11): each batch is one item, numbered in the order of arrival, so that who
//! reads it back needs one query for a stream, and a batch that is sent twice is known.
//!
//! Ids that clients gave their items, and what stands for those that have none, are remembered in the process. Another
//! process may have taken in a batch in between: then the write is refused with that batch, whose ids are new; where it
//! was one of several, the others are read before the next try.

mod memory;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value, value::RawValue};
use time::{Duration, OffsetDateTime};

pub(super) use self::memory::IngestedMemory;
pub use self::memory::ItemId;
use self::memory::{Batch, Ingested, Key};
use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    chunked::{PART, compress, decompress},
    client::Written,
    item::{Condition, Item},
    round_trips::{items_read, round_trip},
    test_sessions::test_session_pk,
};
use crate::model::{IngestedStream, TestSession, TestSessionId};

/// How long what was taken in is kept after a session's end (openscouter 21).
const KEPT: Duration = Duration::days(180);

/// A batch that is to be kept: its items as a JSON array that is not closed yet. Their times are those of the device: an
/// item that is sent again is the same text, whatever the device's clock was off by.
#[derive(Debug, Default)]
pub struct IngestedBatch {
    text: String,
    items: Vec<Ingested>,
    shift: i64,
}

impl IngestedBatch {
    /// A batch of about so many bytes, of a device whose clock is `shift` milliseconds behind ours.
    #[must_use]
    pub fn with_capacity(bytes: usize, shift: i64) -> Self {
        Self { text: String::with_capacity(bytes), items: Vec::new(), shift }
    }

    /// Adds an item: `write` puts its JSON at the end of the text and tells its id, if it has one. What it wrote is taken
    /// back when it fails.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn add<E>(&mut self, write: impl FnOnce(&mut String) -> Result<Option<ItemId>, E>) -> Result<(), E> {
        let before = self.text.len();
        self.text.push(if self.items.is_empty() { '[' } else { ',' });
        match write(&mut self.text) {
            Ok(id) => {
                let (start, end) = (before + 1, self.text.len());
                let named = id.is_some();
                let id = id.unwrap_or_else(|| ItemId::of(self.text.get(start..end).unwrap_or_default()));
                self.items.push(Ingested { start, end, id, named });
                Ok(())
            }
            Err(error) => {
                self.text.truncate(before);
                Err(error)
            }
        }
    }

    /// Its items.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// All items, as a JSON array.
    #[must_use]
    pub fn json(&self) -> String {
        if self.is_empty() { "[]".to_owned() } else { format!("{}]", self.text) }
    }

    /// Some of the items, as a JSON array.
    fn array(&self, items: &[Ingested]) -> Vec<u8> {
        if items.len() == self.items.len() {
            return self.json().into_bytes();
        }
        let mut text = Vec::with_capacity(self.text.len());
        for item in items {
            text.push(if text.is_empty() { b'[' } else { b',' });
            text.extend_from_slice(self.text.get(item.start..item.end).unwrap_or_default().as_bytes());
        }
        text.push(b']');
        text
    }

    /// Items in pieces that a stored item can hold; nearly always it is one.
    fn pieces(&self, items: &[Ingested]) -> Result<Vec<Vec<u8>>, StoreError> {
        let bytes = compress(&self.array(items))?;
        if bytes.len() <= PART || items.len() < 2 {
            return Ok(vec![bytes]);
        }
        let (left, right) = items.split_at(items.len() / 2);
        let mut all = self.pieces(left)?;
        all.extend(self.pieces(right)?);
        Ok(all)
    }
}

fn sk(stream: IngestedStream, number: u32) -> String {
    format!("DATA#{}#{number:08}", stream.as_str())
}

/// What is new of a batch.
enum Fresh {
    /// These items, to be kept under this number.
    Items(u32, Vec<Ingested>),
    /// Nothing: a batch of this name is there, and so many of its items were there before it.
    Answered(u32),
    /// Not known: what was there is forgotten again, or passed by, since it was looked at.
    Forgotten,
}

/// What became of the write of a batch.
enum Put {
    Done,
    /// The session does not run any more.
    Over,
    /// Somebody else's batch has the number; it is here, unless it was asked for as a part of several.
    Taken(Option<Item>),
    /// Another transaction was in the way.
    Hindered,
}

impl Store {
    /// Keeps a batch in one write, if the session still runs then; how many of its items were there already (openscouter
    /// 11.1), and `None` when it does not run any more. A batch with a name is kept once: again, the answer is the first
    /// one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn keep_ingested<'a>(
        &'a self,
        session: &'a TestSession,
        stream: IngestedStream,
        batch: &'a IngestedBatch,
        name: Option<String>,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Option<u32>, StoreError>> {
        Box::pin(async move {
            let (memory, key) = (&*self.ingested, (session.id, stream));
            if batch.is_empty() && name.is_none() {
                return Ok(Some(0));
            }
            let once = name.is_some();
            let name = name.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
            let called = memory::hash(&name);
            for attempt in 0.. {
                let (next, fresh) = match self.fresh_items(key, batch, (&name, called)).await? {
                    Fresh::Items(next, fresh) => (next, fresh),
                    Fresh::Answered(duplicates) => return Ok(Some(duplicates)),
                    Fresh::Forgotten => {
                        after_lost_race(attempt).await?;
                        continue;
                    }
                };
                let duplicates = u32::try_from(batch.len() - fresh.len()).unwrap_or(u32::MAX);
                if fresh.is_empty() {
                    return Ok(Some(duplicates));
                }
                let pieces = batch.pieces(&fresh)?;
                let count = u32::try_from(pieces.len()).unwrap_or(1);
                let own = Batch { called: once.then_some(called), duplicates };
                match self.put_batch(session, stream, (next, &name, own), (pieces, batch.shift), now).await? {
                    Put::Done => {
                        memory.with(key, |known| {
                            known.take(next, count, fresh.iter().map(|item| item.id), own);
                        });
                        return Ok(Some(duplicates));
                    }
                    Put::Over => return Ok(None),
                    Put::Taken(there) => {
                        if self.taken(key, next, there.as_ref(), attempt, &name).await? {
                            return Ok(Some(duplicates));
                        }
                        if attempt == 0 {
                            continue;
                        }
                    }
                    Put::Hindered => {}
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(u32::MAX))
        })
    }

    /// What is new of a batch, once this process knows what is there.
    async fn fresh_items(
        &self,
        key: Key,
        batch: &IngestedBatch,
        (name, called): (&str, u64),
    ) -> Result<Fresh, StoreError> {
        let memory = &*self.ingested;
        if !memory.with(key, |known| known.complete) {
            self.learn(key, 0, true, name).await?;
        }
        Ok(memory.with(key, |known| {
            if !known.complete {
                return Fresh::Forgotten;
            }
            match known.batches.get(&called) {
                Some(duplicates) => Fresh::Answered(*duplicates),
                None => Fresh::Items(known.next, known.fresh(&batch.items)),
            }
        }))
    }

    /// Learns from a refused write; whether it was an earlier try of this very batch that has the number.
    async fn taken(
        &self,
        key: Key,
        next: u32,
        there: Option<&Item>,
        attempt: u32,
        name: &str,
    ) -> Result<bool, StoreError> {
        let Some(there) = there else { return self.learn(key, next, true, name).await };
        let complete = self.ingested.with(key, |known| known.complete);
        let own = there.read("batch").optional_text("batch") == Some(name);
        let ids = if complete { ids_of(there)? } else { Vec::new() };
        let batch = batch_of(there)?;
        self.ingested.with(key, |known| known.take(next, 1, ids.into_iter(), batch));
        // most often that was the only one that was not known; here it was not
        if !own && attempt > 0 {
            return self.learn(key, next + 1, complete, name).await;
        }
        Ok(own)
    }

    async fn put_batch(
        &self,
        session: &TestSession,
        stream: IngestedStream,
        (first, name, batch): (u32, &str, Batch),
        (pieces, shift): (Vec<Vec<u8>>, i64),
        now: OffsetDateTime,
    ) -> Result<Put, StoreError> {
        let end = session.guarded_until().max(now) + KEPT;
        let pk = test_session_pk(session.id);
        let only = pieces.len() == 1;
        // who withdraws a consent ends the session: nothing is kept behind that, whatever was read before
        let mut members = vec![self.running_member(session.id)?];
        for (number, bytes) in (first..).zip(pieces) {
            let item = Item::new(pk.clone(), sk(stream, number))
                .text("batch", name)
                .bytes("items", bytes)
                .number("ttl", end.unix_timestamp());
            // who sends the batch again is told the same
            let item = if batch.called.is_some() { item.number("duplicates", batch.duplicates) } else { item };
            let item = if shift == 0 { item } else { item.number("shift", shift) };
            members.push(item.put(&self.main, Condition::Absent)?);
        }
        match self.transact(members).await? {
            Written::Done => Ok(Put::Done),
            Written::Refused(failed) if failed.is_empty() => Ok(Put::Hindered),
            Written::Refused(failed) if failed.contains(&0) && !failed.contains(&1) => Ok(Put::Over),
            Written::Refused(_) if only => Ok(Put::Taken(self.get(&self.main, pk, sk(stream, first)).await?)),
            Written::Refused(_) => Ok(Put::Taken(None)),
        }
    }

    /// Learns what is there from batch `from` on: the ids, or the number of the last batch alone. Whether a batch of
    /// this name is among them.
    async fn learn(&self, key: Key, from: u32, ids: bool, name: &str) -> Result<bool, StoreError> {
        let mut found: Vec<(u32, Vec<ItemId>, Batch)> = Vec::new();
        let (mut next, mut own) = (None, false);
        self.read_batches(key, from, !ids, &mut |number, item| {
            next = next.max(Some(number + 1));
            own |= item.read("batch").optional_text("batch") == Some(name);
            if ids {
                found.push((number, ids_of(item)?, batch_of(item)?));
            }
            Ok(())
        })
        .await?;
        self.ingested.with(key, |known| {
            if ids {
                // what lies before is known, unless it was forgotten meanwhile
                known.complete = from == 0 || (known.complete && from <= known.next);
                for (number, ids, batch) in found {
                    known.note(number, ids.into_iter(), batch);
                }
            } else if let Some(next) = next.filter(|next| *next > known.next) {
                // what lies between was not looked at
                (known.next, known.complete) = (next, false);
            }
        });
        Ok(own)
    }

    /// Calls `take` with the batches of a stream from `from` on, in order; or with the last one alone.
    async fn read_batches(
        &self,
        (session, stream): Key,
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
            let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
            let found = output.items.unwrap_or_default();
            items_read(found.len());
            for item in found.into_iter().map(Item::from) {
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
    pub fn ingested_sizes(
        &self,
        session: TestSessionId,
        stream: IngestedStream,
    ) -> BoxFuture<'_, Result<Vec<usize>, StoreError>> {
        Box::pin(async move {
            let mut sizes = Vec::new();
            self.read_batches((session, stream), 0, false, &mut |_, item| {
                sizes.push(item.size());
                Ok(())
            })
            .await?;
            Ok(sizes)
        })
    }

    /// What was kept of a stream and has not outlived its time, in the order of arrival: the batches' JSON arrays, with
    /// times by our clock.
    ///
    /// # Errors
    /// When the store fails.
    pub fn ingested(
        &self,
        session: TestSessionId,
        stream: IngestedStream,
    ) -> BoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            let mut batches = Vec::new();
            self.read_batches((session, stream), 0, false, &mut |_, item| {
                if self.lives(item) {
                    batches.push(corrected(item)?);
                }
                Ok(())
            })
            .await?;
            Ok(batches)
        })
    }
}

/// A batch's JSON.
fn text_of(item: &Item) -> Result<Vec<u8>, StoreError> {
    let reader = item.read("batch");
    decompress(reader.bytes("items")?).ok_or_else(|| reader.malformed("items"))
}

/// A batch's JSON with times by our clock: the device may have sent them by one that goes before or behind it.
fn corrected(item: &Item) -> Result<Vec<u8>, StoreError> {
    let text = text_of(item)?;
    if !item.0.contains_key("shift") {
        return Ok(text);
    }
    let reader = item.read("batch");
    let shift: i64 = reader.number("shift")?;
    let mut items: Vec<Map<String, Value>> = serde_json::from_slice(&text).map_err(|_| reader.malformed("items"))?;
    for time in items.iter_mut().flat_map(|item| item.iter_mut()).filter(|(name, _)| matches!(&***name, "at" | "end")) {
        if let (_, Value::Number(sent)) = &time {
            *time.1 = sent.as_i64().map_or(Value::Null, |at| at.saturating_add(shift).into());
        }
    }
    serde_json::to_vec(&items).map_err(|_| reader.malformed("items"))
}

/// The ids in a batch; an item without one is known by its text.
fn ids_of(item: &Item) -> Result<Vec<ItemId>, StoreError> {
    #[derive(serde::Deserialize)]
    struct Named<'a> {
        #[serde(borrow, default)]
        id: Option<&'a RawValue>,
    }
    let text = text_of(item)?;
    let malformed = |_| item.read("batch").malformed("items");
    let items: Vec<&RawValue> = serde_json::from_slice(&text).map_err(malformed)?;
    let id_of = |item: &&RawValue| {
        let named: Named<'_> = serde_json::from_str(item.get())?;
        // ids have no characters that JSON escapes
        Ok(ItemId::of(named.id.map_or(item.get(), |id| id.get().trim_matches('"'))))
    };
    items.iter().map(id_of).collect::<Result<_, _>>().map_err(malformed)
}

/// What a batch with a name is remembered by.
fn batch_of(item: &Item) -> Result<Batch, StoreError> {
    let reader = item.read("batch");
    if !item.0.contains_key("duplicates") {
        return Ok(Batch::default());
    }
    Ok(Batch { called: Some(memory::hash(reader.text("batch")?)), duplicates: reader.number("duplicates")? })
}
