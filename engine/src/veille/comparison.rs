//! What became of a row from one run to the next (outsend 15.4).

use serde_json::Value;

use super::{
    bucket::Bucket,
    compared::{Compared, ComparedColumns},
    found::{FactColumns, cells},
    signal::{CLOSED, NEW, SignalType, judged},
};
use crate::Row;

/// A row that is new, closed or modified.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What became of it.
    pub bucket: Bucket,
    /// How much it matters, 1 to 100 (outsend 15.5).
    pub score: u8,
    /// What is kept of it: see [`FoundRow`](super::FoundRow).
    pub row: Row,
}

/// The columns of one of two runs.
#[derive(Debug)]
struct Side {
    compared: ComparedColumns,
    facts: FactColumns,
}

impl Side {
    fn new(names: &[String]) -> Self {
        Self { compared: ComparedColumns::new(names), facts: FactColumns::new(names) }
    }
}

/// Compares the rows of two runs, by the columns that each has.
#[derive(Debug)]
pub struct Comparison {
    before: Side,
    after: Side,
}

impl Comparison {
    /// A comparison of rows with these columns.
    #[must_use]
    pub fn new(before: &[String], after: &[String]) -> Self {
        Self { before: Side::new(before), after: Side::new(after) }
    }

    /// What became of the row with this key, as it was and as it is; `None` when nothing changed.
    #[must_use]
    pub fn of(&self, key: &str, before: Option<&[Value]>, after: Option<&[Value]>) -> Option<Finding> {
        let nothing = Compared::default();
        let (bucket, row, facts) = match (before, after) {
            (None, None) => return None,
            (None, Some(after)) => (Bucket::New, after, &self.after.facts),
            (Some(before), None) => (Bucket::Closed, before, &self.before.facts),
            (Some(before), Some(after)) => {
                // most rows are as they were, to the letter
                if self.before.compared.cells(before) == self.after.compared.cells(after) {
                    return None;
                }
                (Bucket::Modified, after, &self.after.facts)
            }
        };
        let was = before.map_or(nothing.clone(), |row| self.before.compared.of(row));
        let is = after.map_or(nothing, |row| self.after.compared.of(row));
        let changes = if bucket == Bucket::Modified { was.changes(&is) } else { Vec::new() };
        let (score, kind) = match bucket {
            Bucket::New => (NEW, SignalType::New),
            Bucket::Closed => (CLOSED, SignalType::Closed),
            Bucket::Modified if changes.is_empty() => return None,
            Bucket::Modified => judged(&was, &is, &changes),
        };
        let row = cells((bucket, kind, score, key), facts, row, (&was, &is), &changes);
        Some(Finding { bucket, score, row })
    }
}
