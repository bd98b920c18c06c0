//! The rows of a table, one after the other.

use std::{borrow::Cow, io::Cursor, sync::Arc};

use csv::{Reader, ReaderBuilder, StringRecord};

use super::{Unreadable, header::Header, text::Text, told::Told};
use crate::values;

/// Most rows of a table.
pub const ROWS: u64 = 200_000;
/// Most bytes of a row, as in a request (outsend 8.3).
const MAX_ROW: usize = 32 * 1024;
/// Rows that a header is looked for in, where there is none.
const SAMPLE: usize = 1_000;

/// The rows of a text as they stand, the header's among them. Blank ones and those that are too long are passed over.
pub struct Records {
    reader: Reader<Cursor<Arc<[u8]>>>,
    record: StringRecord,
    long: u64,
    /// Lines of the text that belong to rows.
    lines: u64,
    text: Text,
}

impl std::fmt::Debug for Records {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Records").field("lines", &self.lines).finish_non_exhaustive()
    }
}

impl Records {
    /// The rows of a text.
    #[must_use]
    pub fn new(text: &Text) -> Self {
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(text.separator)
            .from_reader(Cursor::new(Arc::clone(&text.bytes)));
        Self { reader, record: StringRecord::new(), long: 0, lines: 0, text: text.clone() }
    }

    fn advance(&mut self) -> bool {
        // a text in memory, in UTF-8 and with rows of any length cannot fail
        while self.reader.read_record(&mut self.record).is_ok_and(|there| there) {
            if self.cells().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            self.lines += 1 + self.record.iter().map(|cell| breaks(cell.as_bytes())).sum::<u64>();
            if self.record.as_slice().len() <= MAX_ROW {
                return true;
            }
            self.long += 1;
        }
        false
    }

    /// The row's cells, without the guard that our own files have before what looks like a formula.
    fn cells(&self) -> impl Iterator<Item = &str> {
        self.record.iter().map(values::unguarded)
    }

    /// The next row's cells.
    pub fn next_row(&mut self) -> Option<Vec<String>> {
        self.advance().then(|| self.cells().map(str::to_owned).collect())
    }

    /// What was left out so far; blank lines only when all rows were read.
    #[must_use]
    pub fn told(&self) -> Told {
        let bytes = &self.text.bytes;
        let last = u64::from(bytes.last().is_some_and(|byte| !matches!(byte, b'\r' | b'\n')));
        let ended = self.reader.is_done();
        let blank_lines = if ended { (breaks(bytes) + last).saturating_sub(self.lines) } else { 0 };
        Told { blank_lines, long_rows: self.long, ..self.text.told.clone() }
    }
}

/// Line breaks in a text; one of two bytes is one.
fn breaks(text: &[u8]) -> u64 {
    let mut last = 0;
    let mut count = 0;
    for &byte in text {
        count += u64::from(byte == b'\r' || (byte == b'\n' && last != b'\r'));
        last = byte;
    }
    count
}

/// A table: its header, and its rows with as many cells as there are columns.
#[derive(Debug)]
pub struct Table {
    records: Records,
    header: Header,
    /// Columns, with those that are left out.
    width: usize,
    /// Rows that may still come.
    left: u64,
    surplus: u64,
    cut: u64,
}

impl Table {
    /// Finds a text's columns, and stands before its first row.
    ///
    /// # Errors
    /// When there is no row, or the first is no row.
    pub fn of(text: &Text) -> Result<Self, Unreadable> {
        let mut records = Records::new(text);
        let first = records.next_row();
        if records.long > 0 {
            return Err(Unreadable::Long);
        }
        let first = first.ok_or(Unreadable::Empty)?;
        let (header, width) = match Header::of(&first) {
            Some(header) => (header, first.len()),
            None => {
                let mut sample = vec![first];
                while sample.len() < SAMPLE
                    && let Some(row) = records.next_row()
                {
                    sample.push(row);
                }
                records = Records::new(text);
                (Header::inferred(&sample), sample.iter().map(Vec::len).max().unwrap_or(0))
            }
        };
        Ok(Self { records, header, width, left: ROWS, surplus: 0, cut: 0 })
    }

    /// The columns.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Whether there is a next row, which is passed over then.
    pub fn pass(&mut self) -> bool {
        if self.left == 0 {
            while self.records.advance() {
                self.surplus += 1;
            }
            return false;
        }
        let there = self.records.advance();
        if there {
            self.left -= 1;
            // columns that are left out are told as such
            let mut beyond = self.records.record.iter().skip(self.width.max(self.header.names.len()));
            self.cut += u64::from(beyond.any(|cell| !cell.trim().is_empty()));
        }
        there
    }

    /// The next row's cells. Short rows are padded, long ones cut.
    pub fn next_row(&mut self) -> Option<Vec<Cow<'_, str>>> {
        if !self.pass() {
            return None;
        }
        let cells = self.records.cells().map(Cow::Borrowed).chain(std::iter::repeat(Cow::Borrowed("")));
        Some(cells.take(self.header.names.len()).collect())
    }

    /// What was left out so far; blank lines and rows beyond the most only when all were read.
    #[must_use]
    pub fn told(&self) -> Told {
        Told {
            surplus_rows: self.surplus,
            surplus_columns: (self.width - self.header.names.len()) as u64,
            cut_rows: self.cut,
            ..self.records.told()
        }
    }
}
