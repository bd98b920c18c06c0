//! Rows on their way: how far a comparison is, one series read in order, another one written.

use std::collections::{BTreeMap, VecDeque};

use engine::Row;
use serde::{Deserialize, Serialize};
use shared::store::{Chunks, PackedRows, Series, Store, StoreError};

use crate::kind::WorkError;

/// Rows after which what was written goes to the store.
const FLUSH: u64 = 2_000;

/// How far the comparison of a run is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Progress {
    /// Rows of the source that were read.
    pub(super) read: u64,
    /// Rows of each sorted part.
    pub(super) parts: Vec<u64>,
    /// Rows of each part that were merged.
    pub(super) merged: Vec<u64>,
    /// The key that was merged last.
    pub(super) last: Option<String>,
    /// Rows of the snapshot.
    pub(super) rows: u64,
    /// Whether it is whole.
    pub(super) sorted: bool,
    /// Rows of the snapshot before that were compared.
    pub(super) before: u64,
    /// Rows of the snapshot that were.
    pub(super) after: u64,
    /// Rows that are new.
    pub(super) new: u64,
    /// Rows that are closed.
    pub(super) closed: u64,
    /// How many rows were modified with each score.
    pub(super) scores: BTreeMap<u8, u64>,
    /// Rows that are as they were.
    pub(super) unchanged: u64,
    /// Whether all rows were compared.
    pub(super) compared: bool,
    /// Modified rows that were looked at for the next score.
    pub(super) looked: u64,
    /// Modified rows that were ranked.
    pub(super) ranked: u64,
    /// The score whose rows were ranked last.
    pub(super) score: Option<u8>,
}

impl Progress {
    pub(super) fn read(text: Option<&str>) -> Result<Self, WorkError> {
        let read = text.map_or_else(|| Ok(Self::default()), serde_json::from_str);
        read.map_err(|error| WorkError::Failed(error.to_string()))
    }

    pub(super) fn write(&self) -> Result<String, WorkError> {
        serde_json::to_string(self).map_err(|error| WorkError::Failed(error.to_string()))
    }

    /// Rows that were modified.
    pub(super) fn modified(&self) -> u64 {
        self.scores.values().sum()
    }
}

/// A series that is read in order.
#[derive(Debug)]
pub(super) struct Cursor {
    chunks: Chunks,
    position: u64,
    rows: VecDeque<Row>,
    /// Rows that there are, if that is known.
    end: u64,
}

impl Cursor {
    /// The rows of a series from `position` on, up to `end`.
    pub(super) const fn new(chunks: Chunks, position: u64, end: u64) -> Self {
        Self { chunks, position, rows: VecDeque::new(), end }
    }

    /// Where the next row is.
    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    /// Reads on where nothing was read; a row that should be there and is not is an error.
    async fn fill(&mut self) -> Result<(), StoreError> {
        if self.rows.is_empty() && self.position < self.end {
            self.rows = self.chunks.from(self.position).await?.into();
            if self.rows.is_empty() {
                return Err(StoreError::Malformed { entity: "veille run", attribute: "rows" });
            }
        }
        Ok(())
    }

    /// The next row; `None` at the end.
    pub(super) async fn peek(&mut self) -> Result<Option<&Row>, StoreError> {
        self.fill().await?;
        Ok(self.rows.front().filter(|_| self.position < self.end))
    }

    /// Takes the next row.
    pub(super) async fn next(&mut self) -> Result<Option<Row>, StoreError> {
        self.fill().await?;
        if self.position >= self.end {
            return Ok(None);
        }
        self.position += 1;
        Ok(self.rows.pop_front())
    }
}

/// A series that is written.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    store: &'a Store,
    of: (u64, u64),
    series: Series,
    first: u64,
    rows: PackedRows,
}

impl<'a> Writer<'a> {
    /// Writes a series from position `first` on.
    pub(super) fn new(store: &'a Store, of: (u64, u64), series: Series, first: u64) -> Self {
        Self { store, of, series, first, rows: PackedRows::default() }
    }

    /// Adds a row.
    pub(super) async fn push(&mut self, row: &Row) -> Result<(), StoreError> {
        self.rows.push(row)?;
        self.flush_when_full().await
    }

    /// Adds a row that is JSON already.
    pub(super) async fn push_text(&mut self, row: &str) -> Result<(), StoreError> {
        self.rows.push_text(row)?;
        self.flush_when_full().await
    }

    async fn flush_when_full(&mut self) -> Result<(), StoreError> {
        if self.rows.len() >= FLUSH { self.flush().await.map(|_| ()) } else { Ok(()) }
    }

    /// Writes what there is; says how long the series is.
    pub(super) async fn flush(&mut self) -> Result<u64, StoreError> {
        if !self.rows.is_empty() {
            let rows = std::mem::take(&mut self.rows);
            self.store.put_series(self.of, self.series, self.first, &rows).await?;
            self.first += rows.len();
        }
        Ok(self.first)
    }
}
