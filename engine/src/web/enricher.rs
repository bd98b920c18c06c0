//! What a module that reads websites is: which pages it reads, and what it makes of them.

use std::borrow::Cow;

use serde_json::Value;

use super::visit::{Plan, Visit};
use crate::values;

/// A row, as modules look things up in it.
#[derive(Debug)]
pub(super) struct RowView<'a> {
    pub(super) columns: &'a [String],
    pub(super) row: &'a [Value],
}

impl RowView<'_> {
    /// The text of a column; empty when there is none.
    pub(super) fn text(&self, column: &str) -> Cow<'_, str> {
        let index = self.columns.iter().position(|name| name == column);
        index.and_then(|index| self.row.get(index)).map_or(Cow::Borrowed(""), values::cell_text)
    }
}

/// What a module found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The module's own cells in their order, but for `fetch_status`.
    pub(super) cells: Vec<Value>,
    /// What `breakdown` counts: group and key.
    pub(super) counts: Vec<(&'static str, &'static str)>,
}

/// A module that reads websites.
#[derive(Clone, Copy)]
pub(super) struct Enricher {
    /// Which pages it reads.
    pub(super) plan: Plan,
    /// What it finds.
    pub(super) find: fn(&RowView<'_>, &Visit) -> Found,
}
