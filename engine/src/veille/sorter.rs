//! The rows of a run by key (outsend 15.4).

use serde_json::Value;

use super::key::Keys;
use crate::Module;

/// Bytes of rows after which a part is full.
const FULL: usize = 8 * 1024 * 1024;

/// Sorts the rows of a run by key, part by part.
#[derive(Debug)]
pub struct Sorter {
    keys: Keys,
    rows: Vec<(String, String)>,
    bytes: usize,
    full: usize,
}

impl Sorter {
    /// A sorter of the rows of a job of this type, with these columns.
    #[must_use]
    pub fn new(module: Module, names: &[String]) -> Self {
        Self::with(module, names, FULL)
    }

    pub(super) fn with(module: Module, names: &[String], full: usize) -> Self {
        Self { keys: Keys::new(module, names), rows: Vec::new(), bytes: 0, full }
    }

    /// Takes the next row; one without a key is passed over.
    pub fn take(&mut self, row: &[Value]) {
        let Some(key) = self.keys.of(row) else { return };
        let mut text = Value::from(key.as_str()).to_string();
        text.insert(0, '[');
        for cell in row {
            text.push(',');
            text.push_str(&cell.to_string());
        }
        text.push(']');
        self.bytes += key.len() + text.len();
        self.rows.push((key, text));
    }

    /// Whether the rows are enough for a part.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.bytes >= self.full
    }

    /// The rows that were taken, each as JSON, its key before its cells: by key, and of rows with one key the first.
    pub fn part(&mut self) -> Vec<String> {
        let mut rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        // stable, so that the first one stays the first
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        rows.dedup_by(|(later, _), (first, _)| later == first);
        rows.into_iter().map(|(_, text)| text).collect()
    }
}

/// The key and the cells of a sorted row.
#[must_use]
pub fn keyed(row: &[Value]) -> Option<(&str, &[Value])> {
    let (key, cells) = row.split_first()?;
    Some((key.as_str()?, cells))
}
