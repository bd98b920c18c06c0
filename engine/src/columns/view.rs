//! A row, as modules look things up in it.

use std::borrow::Cow;

use serde_json::Value;

use crate::values;

/// A row, as modules look things up in it.
#[derive(Debug)]
pub(crate) struct RowView<'a> {
    pub(crate) columns: &'a [String],
    pub(crate) row: &'a [Value],
}

impl RowView<'_> {
    /// The cell of a column, when there is one.
    pub(crate) fn cell(&self, column: &str) -> Option<&Value> {
        self.row.get(self.columns.iter().position(|name| name == column)?)
    }

    /// The text of a column; empty when there is none.
    pub(crate) fn text(&self, column: &str) -> Cow<'_, str> {
        self.cell(column).map_or(Cow::Borrowed(""), values::cell_text)
    }
}
