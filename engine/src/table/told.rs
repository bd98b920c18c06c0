//! What was left out of a table, and what was changed.

use serde_json::{Map, Value};

/// How much of a table was not read as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Lines without a cell that says something.
    pub blank_lines: u64,
    /// Rows of more than 32 KiB.
    pub long_rows: u64,
    /// Rows behind the last that a table may have.
    pub surplus_rows: u64,
    /// Columns behind the last that a table may have.
    pub surplus_columns: u64,
    /// Rows with more cells than there are columns, whose last ones were cut.
    pub cut_rows: u64,
    /// Cells that begin with a quote that is never closed; it was read as a part of them.
    pub unclosed_quotes: u64,
    /// The line of the first of those, from 1.
    pub unclosed_line: u64,
    /// Places that were wrong in the text's encoding, each a U+FFFD now.
    pub replaced: u64,
}

impl Told {
    fn entries(&self) -> [(&'static str, u64, &'static str, &'static str); 7] {
        [
            ("blank_lines", self.blank_lines, "blank line", "blank lines"),
            ("long_rows", self.long_rows, "row of more than 32 KiB", "rows of more than 32 KiB"),
            ("surplus_rows", self.surplus_rows, "row beyond the most", "rows beyond the most"),
            ("surplus_columns", self.surplus_columns, "column beyond the most", "columns beyond the most"),
            ("cut_rows", self.cut_rows, "row's cells beyond the columns", "rows' cells beyond the columns"),
            ("unclosed_quotes", self.unclosed_quotes, "", ""),
            ("replaced", self.replaced, "", ""),
        ]
    }

    /// The numbers that are not 0, by name (`breakdown.import`, outsend 12.2).
    #[must_use]
    pub fn numbers(&self) -> Map<String, Value> {
        let entries = self.entries().into_iter().filter(|entry| entry.1 > 0);
        entries.map(|(name, number, ..)| (name.to_owned(), Value::from(number))).collect()
    }

    /// The same for people, each fact a text; none when a table was read as it stands.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let ignored: Vec<String> = self
            .entries()
            .into_iter()
            .filter(|(_, number, one, _)| *number > 0 && !one.is_empty())
            .map(|(_, number, one, more)| format!("{number} {}", if number == 1 { one } else { more }))
            .collect();
        let mut told = Vec::new();
        if !ignored.is_empty() {
            told.push(format!("ignored {}", ignored.join(", ")));
        }
        let line = self.unclosed_line;
        match self.unclosed_quotes {
            0 => {}
            1 => told.push(format!("1 quote is never closed, in line {line}: it stays in its cell")),
            more => {
                told.push(format!("{more} quotes are never closed, the first in line {line}: they stay in their cells"))
            }
        }
        match self.replaced {
            0 => {}
            1 => told.push("1 place was wrong in this encoding and became \u{fffd}".to_owned()),
            more => told.push(format!("{more} places were wrong in this encoding and became \u{fffd}")),
        }
        told
    }
}
