//! What was left out of a table, and what was changed.

use serde_json::{Map, Value};

/// Lines of each kind that are told by their number.
pub(super) const LINES: usize = 10;

/// How often something was met in a text, and in which lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// How often.
    pub number: u64,
    /// The first lines, from 1, as an editor counts them.
    pub lines: Vec<u64>,
}

impl Places {
    /// Whether the line of a next place would be told.
    pub(super) const fn is_open(&self) -> bool {
        self.lines.len() < LINES
    }

    /// Counts a place; its line where it is told.
    pub(super) fn add(&mut self, line: Option<u64>) {
        self.number += 1;
        if let Some(line) = line.filter(|line| self.is_open() && self.lines.last() != Some(line)) {
            self.lines.push(line);
        }
    }

    /// The same in a text that has more lines above.
    pub(super) fn below(mut self, lines: u64) -> Self {
        for line in &mut self.lines {
            *line += lines;
        }
        self
    }

    /// `in line 3`, `in lines 3, 5 and 9`, `the first in lines 3, 4, ...`.
    fn told(&self) -> String {
        let shown: Vec<String> = self.lines.iter().map(u64::to_string).collect();
        match shown.split_last() {
            None => String::new(),
            Some((last, [])) if self.number == 1 => format!("in line {last}"),
            Some((last, [])) => format!("the first in line {last}"),
            Some(_) if !self.is_open() => format!("the first in lines {}", shown.join(", ")),
            Some((last, before)) => format!("in lines {} and {last}", before.join(", ")),
        }
    }
}

/// How much of a table was not read as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Lines without a cell that says something.
    pub blank_lines: u64,
    /// Titles and notes above the header.
    pub notes: Places,
    /// Rows of more than 32 KiB.
    pub long_rows: Places,
    /// Rows behind the last that a table may have.
    pub surplus_rows: u64,
    /// Columns behind the last that a table may have.
    pub surplus_columns: u64,
    /// Rows with more cells than there are columns, whose last ones were cut.
    pub cut_rows: Places,
    /// Cells that begin with a quote that is never closed; it was read as a part of them.
    pub unclosed_quotes: Places,
    /// Cells whose quotes another rule wrote than that of RFC 4180: behind backslashes, or alone inside a cell.
    pub mended_quotes: Places,
    /// Places that were wrong in the text's encoding, each a U+FFFD now.
    pub replaced: Places,
}

impl Told {
    fn entries(&self) -> [(&'static str, u64); 9] {
        [
            ("blank_lines", self.blank_lines),
            ("notes", self.notes.number),
            ("long_rows", self.long_rows.number),
            ("surplus_rows", self.surplus_rows),
            ("surplus_columns", self.surplus_columns),
            ("cut_rows", self.cut_rows.number),
            ("unclosed_quotes", self.unclosed_quotes.number),
            ("mended_quotes", self.mended_quotes.number),
            ("replaced", self.replaced.number),
        ]
    }

    /// The numbers that are not 0, by name (`breakdown.import`, outsend 12.2).
    #[must_use]
    pub fn numbers(&self) -> Map<String, Value> {
        let entries = self.entries().into_iter().filter(|entry| entry.1 > 0);
        entries.map(|(name, number)| (name.to_owned(), Value::from(number))).collect()
    }

    /// Whether nothing was lost or changed: blank lines say nothing.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.entries().iter().all(|(name, number)| *number == 0 || *name == "blank_lines")
    }

    /// The same for people, each fact a text; none when a table was read as it stands.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut told = Vec::new();
        let ignored = self.ignored();
        if !ignored.is_empty() {
            told.push(format!("ignored {}", ignored.join(", ")));
        }
        let mut say = |places: &Places, one: &str, more: &str, what: [&str; 2]| {
            let (number, place) = (places.number, places.told());
            match number {
                0 => {}
                1 => told.push(format!("1 {one}, {place}: {}", what[0])),
                _ => told.push(format!("{number} {more}, {place}: {}", what[1])),
            }
        };
        let stays = ["it stays in its cell", "they stay in their cells"];
        say(&self.unclosed_quotes, "quote is never closed", "quotes are never closed", stays);
        let mended = ["they were mended"; 2];
        say(&self.mended_quotes, "cell has quotes of another kind", "cells have quotes of another kind", mended);
        let became = ["it became \u{fffd}", "each became \u{fffd}"];
        let (one, more) = ("place could not be read in this encoding", "places could not be read in this encoding");
        say(&self.replaced, one, more, became);
        told
    }

    /// What was left out, each kind a text.
    fn ignored(&self) -> Vec<String> {
        let some = |number: u64| Places { number, lines: Vec::new() };
        let kinds = [
            (&some(self.blank_lines), "blank line", "blank lines"),
            (&self.notes, "note above the header", "notes above the header"),
            (&self.long_rows, "row of more than 32 KiB", "rows of more than 32 KiB"),
            (&some(self.surplus_rows), "row beyond the most", "rows beyond the most"),
            (&some(self.surplus_columns), "column beyond the most", "columns beyond the most"),
            (&self.cut_rows, "row's cells beyond the columns", "rows' cells beyond the columns"),
        ];
        let told = |(places, one, more): (&Places, &str, &str)| {
            let place = places.told();
            let place = if place.is_empty() { place } else { format!(" ({place})") };
            format!("{} {}{place}", places.number, if places.number == 1 { one } else { more })
        };
        kinds.into_iter().filter(|kind| kind.0.number > 0).map(told).collect()
    }
}
