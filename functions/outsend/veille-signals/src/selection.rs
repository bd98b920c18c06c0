//! The signals that are asked for, by rank, one chunk of each bucket in memory at a time.

use std::collections::VecDeque;

use engine::{
    Row,
    export::Rows,
    veille::{Bucket, Filter, SIGNAL_COLUMNS, rank},
};
use futures_util::{StreamExt as _, stream};
use shared::{
    model::VeilleRun,
    store::{Chunks, Series, Store, StoreError},
};

/// Signals that are given away at a time.
const SLICE: usize = 500;

/// What became of rows, by rank.
#[derive(Debug)]
pub(crate) struct Ranked {
    chunks: Chunks,
    total: u64,
    position: u64,
    rows: VecDeque<Row>,
}

impl Ranked {
    /// A bucket of a run.
    pub(crate) fn new(store: &Store, run: &VeilleRun, bucket: Bucket) -> Self {
        let (series, total) = match bucket {
            Bucket::New => (Series::New, run.counts.new),
            Bucket::Closed => (Series::Closed, run.counts.closed),
            Bucket::Modified => (Series::Modified, run.counts.modified),
        };
        let chunks = store.series((run.veille, run.number), series);
        Self { chunks, total, position: 0, rows: VecDeque::new() }
    }

    async fn peek(&mut self) -> Result<Option<&Row>, StoreError> {
        if self.position >= self.total {
            return Ok(None);
        }
        if self.rows.is_empty() {
            self.rows = self.chunks.from(self.position).await?.into();
        }
        let missing = StoreError::Malformed { entity: "veille run", attribute: "rows" };
        self.rows.front().map(Some).ok_or(missing)
    }

    fn take(&mut self) -> Option<Row> {
        self.position += 1;
        self.rows.pop_front()
    }
}

/// What is left to be given of some buckets.
#[derive(Debug)]
pub(crate) struct Selection {
    ranked: Vec<Ranked>,
    filter: Filter,
    skip: u64,
    left: u64,
}

impl Selection {
    /// The signals at `offset..offset + limit` of those that the filter holds.
    pub(crate) fn new(mut ranked: Vec<Ranked>, filter: Filter, (offset, limit): (u64, u64)) -> Self {
        let mut skip = offset;
        // one bucket without a filter is found by position, however far it is
        if let ([only], true) = (&mut ranked[..], filter.is_empty()) {
            (only.position, skip) = (offset, 0);
        }
        Self { ranked, filter, skip, left: limit }
    }

    pub(crate) fn into_rows(self) -> Rows<StoreError> {
        let step = |mut selection: Self| async move {
            let rows = selection.slice().await?;
            Ok(if rows.is_empty() { None } else { Some((rows, selection)) })
        };
        stream::try_unfold(self, step).boxed()
    }

    async fn slice(&mut self) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        while rows.len() < SLICE && self.left > 0 {
            let Some(mut row) = self.next().await? else { break };
            if !self.filter.reaches(&row) {
                // nothing behind it does
                self.left = 0;
                break;
            }
            if !self.filter.holds(&row) {
                continue;
            }
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            self.left -= 1;
            row.truncate(SIGNAL_COLUMNS.len());
            rows.push(row);
        }
        Ok(rows)
    }

    /// The next signal of all buckets by rank.
    async fn next(&mut self) -> Result<Option<Row>, StoreError> {
        let mut first: Option<(u64, String, usize)> = None;
        for (place, bucket) in self.ranked.iter_mut().enumerate() {
            let Some(row) = bucket.peek().await? else { continue };
            let (std::cmp::Reverse(score), key) = rank(row);
            let before = |(best, known, _): &(u64, String, usize)| (score, known.as_str()) > (*best, key);
            if first.as_ref().is_none_or(before) {
                first = Some((score, key.to_owned(), place));
            }
        }
        Ok(first.and_then(|(_, _, place)| self.ranked.get_mut(place)).and_then(Ranked::take))
    }
}
