//! Rows in chunks: compressed, found by position, read in order.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use super::{
    item::job_pk,
    pack::{pack, unpack},
};
use crate::{
    model::{Job, JobId, JobInput, JobStatus, Row},
    store::{
        BoxFuture, Store, StoreError,
        item::Item,
        round_trips::{items_read, round_trip},
    },
};

/// Most rows of a chunk.
const MAX_ROWS: u64 = 1_000;
/// Most bytes of a chunk before it is compressed; a single row is smaller than that, and an item takes 400 KB.
const MAX_BYTES: usize = 256 * 1024;
/// Bytes of a text that one item holds, compressed.
const TEXT_PART: usize = 350 * 1024;
/// Chunks that are looked at for a position.
const MAX_LOOKS: u32 = 3;
/// How much longer than their job copied rows may lie around.
const COPIED: time::Duration = time::Duration::days(2);

/// Result rows, or input rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Input,
    Result,
}

impl Kind {
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Input => "IN#",
            Self::Result => "ROW#",
        }
    }
}

fn chunk_sk(prefix: &str, first: u64) -> String {
    format!("{prefix}{first:010}")
}

/// Rows on their way into the store, compressed chunk by chunk: a cell takes many times more memory as a value than as
/// text, so no more than one chunk of them is held as it came.
#[derive(Debug, Default)]
pub struct PackedRows {
    /// Chunks that are full: their number of rows, and their bytes.
    full: Vec<(u64, Vec<u8>)>,
    /// Rows of the chunk that is not full yet, separated by commas.
    text: String,
    /// How many these are.
    open: u64,
    /// How many rows there are.
    rows: u64,
}

impl PackedRows {
    /// Adds a row.
    ///
    /// # Errors
    /// When it cannot be packed.
    pub fn push(&mut self, row: &[Value]) -> Result<(), StoreError> {
        let cells = serde_json::to_string(row)
            .map_err(|error| StoreError::Call { operation: "pack", cause: error.to_string() })?;
        self.push_text(&cells)
    }

    /// Adds a row that is JSON already.
    ///
    /// # Errors
    /// When it cannot be packed.
    pub fn push_text(&mut self, cells: &str) -> Result<(), StoreError> {
        if self.open > 0 && (self.text.len() + cells.len() + 1 > MAX_BYTES || self.open >= MAX_ROWS) {
            self.full.push(self.last()?);
            self.text.clear();
            self.open = 0;
        }
        if self.open > 0 {
            self.text.push(',');
        }
        self.text.push_str(cells);
        self.open += 1;
        self.rows += 1;
        Ok(())
    }

    /// How many rows there are.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.rows
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The chunk that is not full yet.
    fn last(&self) -> Result<(u64, Vec<u8>), StoreError> {
        Ok((self.open, pack(format!("[{}]", self.text).as_bytes())?))
    }

    /// The items of the chunks, from position `first` on, under sort keys with this prefix.
    pub(in crate::store) fn items(&self, pk: &str, prefix: &str, first: u64) -> Result<Vec<Item>, StoreError> {
        let last = if self.open > 0 { Some(self.last()?) } else { None };
        let mut position = first;
        let item = |(count, bytes): &(u64, Vec<u8>)| {
            let item = Item::new(pk.to_owned(), chunk_sk(prefix, position))
                .number("count", *count)
                .bytes("rows", bytes.clone());
            position += *count;
            item
        };
        Ok(self.full.iter().chain(&last).map(item).collect())
    }
}

/// Cuts rows into chunks from position `first` on.
pub(super) fn chunks(job: JobId, kind: Kind, first: u64, rows: &[Row]) -> Result<Vec<Item>, StoreError> {
    let mut packed = PackedRows::default();
    for row in rows {
        packed.push(row)?;
    }
    packed.items(&job_pk(job), kind.prefix(), first)
}

/// The text of an import, in parts.
pub(super) fn text_parts(job: JobId, text: &[u8]) -> Result<Vec<Item>, StoreError> {
    let packed = pack(text)?;
    let parts = packed.chunks(TEXT_PART).enumerate();
    Ok(parts
        .map(|(part, bytes)| Item::new(job_pk(job), format!("TEXT#{part:03}")).bytes("text", bytes.to_vec()))
        .collect())
}

/// Stored rows, read chunk after chunk.
#[derive(Clone, Debug)]
pub struct Chunks {
    store: Store,
    pk: String,
    prefix: String,
}

impl Chunks {
    pub(in crate::store) const fn new(store: Store, pk: String, prefix: String) -> Self {
        Self { store, pk, prefix }
    }

    fn of_job(store: &Store, job: JobId, kind: Kind) -> Self {
        Self::new(store.clone(), job_pk(job), kind.prefix().to_owned())
    }

    /// The rows from position `first` to the end of their chunk; none when there is no such row.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn from(&self, first: u64) -> Result<Vec<Row>, StoreError> {
        let mut before = first;
        for _ in 0..MAX_LOOKS {
            let Some((begins, mut rows)) = self.chunk_at(before).await? else { break };
            let skip = usize::try_from(first - begins).unwrap_or(usize::MAX);
            if skip < rows.len() {
                rows.drain(..skip);
                return Ok(rows);
            }
            // one that a writer left who broke off, inside of a longer one
            let Some(earlier) = begins.checked_sub(1) else { break };
            before = earlier;
        }
        Ok(Vec::new())
    }

    /// The chunk that begins last at or before a position, and where it begins.
    async fn chunk_at(&self, position: u64) -> Result<Option<(u64, Vec<Row>)>, StoreError> {
        let call = self
            .store
            .client
            .query()
            .table_name(&self.store.main)
            .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
            .expression_attribute_values(":pk", AttributeValue::S(self.pk.clone()))
            .expression_attribute_values(":low", AttributeValue::S(self.prefix.clone()))
            .expression_attribute_values(":high", AttributeValue::S(chunk_sk(&self.prefix, position)))
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(1);
        let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
        let Some(item) = output.items.unwrap_or_default().into_iter().next().map(Item::from) else {
            return Ok(None);
        };
        items_read(1);
        let reader = item.read("chunk");
        let begins = reader.parsed("sk", |sk| sk.strip_prefix(&self.prefix)?.parse::<u64>().ok())?;
        let rows: Vec<Row> =
            serde_json::from_slice(&unpack(reader.bytes("rows")?)?).map_err(|_| reader.malformed("rows"))?;
        Ok(Some((begins, rows)))
    }

    /// The rows at `offset..offset + limit` of `total`: the same cost at every offset.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn page(&self, total: u64, offset: u64, limit: usize) -> Result<Vec<Row>, StoreError> {
        let end = offset.saturating_add(limit as u64).min(total);
        let mut rows: Vec<Row> = Vec::new();
        let mut position = offset;
        while position < end {
            let mut found = self.from(position).await?;
            if found.is_empty() {
                break;
            }
            found.truncate(usize::try_from(end - position).unwrap_or(usize::MAX));
            position += found.len() as u64;
            rows.append(&mut found);
        }
        Ok(rows)
    }
}

/// The input of a job that runs, over the store.
#[derive(Debug)]
pub struct StoredInput {
    store: Store,
    job: JobId,
    columns: Vec<String>,
    rows: u64,
    chunks: Chunks,
    /// The job whose rows are read, when they are not the job's own.
    of: Option<JobId>,
}

impl StoredInput {
    /// The columns of the rows.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The rows from position `first` (from 0) to the end of the chunk that holds it; no rows at the end, and `None`
    /// when they are not there any more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn read(&self, first: u64) -> BoxFuture<'_, Result<Option<Vec<Row>>, StoreError>> {
        Box::pin(async move {
            if first >= self.rows {
                return Ok(Some(Vec::new()));
            }
            let rows = self.chunks.from(first).await?;
            if rows.is_empty() {
                return Ok(None);
            }
            // another job's rows go when it expires or is deleted: what was read must still be what it has
            if let Some(of) = self.of {
                match self.store.any_job(of).await? {
                    Some(job) if job.status != JobStatus::Expired => {}
                    _ => return Ok(None),
                }
            }
            Ok(Some(rows))
        })
    }

    /// The text that an import parses; `None` when it has not been fetched yet.
    ///
    /// # Errors
    /// When the store fails.
    pub fn text(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            let parts = self.store.query(job_pk(self.job), "TEXT#").await?;
            if parts.is_empty() {
                return Ok(None);
            }
            let mut packed = Vec::new();
            for part in &parts {
                packed.extend_from_slice(part.read("text").bytes("text")?);
            }
            unpack(&packed).map(Some)
        })
    }
}

impl Store {
    /// The rows that a job has committed.
    #[must_use]
    pub fn results(&self, job: JobId) -> Chunks {
        Chunks::of_job(self, job, Kind::Result)
    }

    /// Bytes of each item that holds result rows of a job: what they cost to keep.
    ///
    /// # Errors
    /// When the store fails.
    pub fn chunk_sizes(&self, job: JobId) -> BoxFuture<'_, Result<Vec<usize>, StoreError>> {
        Box::pin(
            async move { Ok(self.query(job_pk(job), Kind::Result.prefix()).await?.iter().map(Item::size).collect()) },
        )
    }

    /// The input of a job that runs.
    ///
    /// # Errors
    /// When the store fails.
    pub fn job_input<'a>(
        &'a self,
        job: &'a Job,
        columns: &'a [String],
    ) -> BoxFuture<'a, Result<Arc<StoredInput>, StoreError>> {
        Box::pin(async move {
            let (of, kind, rows) = match job.input {
                JobInput::Own | JobInput::Text => (None, Kind::Input, job.planned.unwrap_or(0)),
                JobInput::Of(id) => (Some(id), Kind::Result, job.planned.unwrap_or(0)),
            };
            let chunks = Chunks::of_job(self, of.unwrap_or(job.id), kind);
            Ok(Arc::new(StoredInput { store: self.clone(), job: job.id, columns: columns.to_vec(), rows, chunks, of }))
        })
    }

    /// Copies what a job has committed, and its own input, to the job that resumes it; `Ok(false)` when some of it is
    /// gone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn copy_rows<'a>(&'a self, from: &'a Job, to: &'a Job) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let ttl = (to.expires_at + self.rules.retention + COPIED).unix_timestamp();
            for prefix in ["IN#", "TEXT#", "ROW#"] {
                let (source, target) = (job_pk(from.id), job_pk(to.id));
                let rows = self.copy_chunks((&source, prefix), (&target, prefix), ttl).await?;
                if prefix == "ROW#" && rows != from.results {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    /// Copies chunks of a partition, under another prefix of another one, until `ttl`; says how many rows they hold.
    pub(in crate::store) async fn copy_chunks(
        &self,
        (from, prefix): (&str, &str),
        (to, target): (&str, &str),
        ttl: i64,
    ) -> Result<u64, StoreError> {
        let (mut start, mut rows) = (None, 0);
        loop {
            // one read, one write, so that a long table takes no more memory than a short one
            let call = self
                .client
                .query()
                .table_name(&self.main)
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":pk", AttributeValue::S(from.to_owned()))
                .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
                .consistent_read(true)
                .set_exclusive_start_key(start);
            let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
            let mut copies = Vec::new();
            for item in output.items.unwrap_or_default().into_iter().map(Item::from) {
                let reader = item.read("chunk");
                rows += reader.number::<u64>("count").unwrap_or(0);
                let sk = reader.parsed("sk", |sk| Some(format!("{target}{}", sk.strip_prefix(prefix)?)))?;
                copies.push(item.text("pk", to).text("sk", sk).number("ttl", ttl));
            }
            self.batch_put(copies).await?;
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(rows);
            }
        }
    }

    /// Result rows at `offset..offset + limit` of a job that has `total` of them: the same cost at every offset.
    ///
    /// # Errors
    /// When the store fails.
    pub fn result_rows(
        &self,
        job: JobId,
        total: u64,
        offset: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        Box::pin(async move { self.results(job).page(total, offset, limit).await })
    }
}
