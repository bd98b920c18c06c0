//! The rows of a table, one after the other.

use std::{borrow::Cow, io::Cursor, sync::Arc};

use csv::{Reader, ReaderBuilder, StringRecord};

use super::{
    Unreadable,
    header::Header,
    lines::{Lines, breaks},
    text::Text,
    told::{Places, Told},
    top,
};
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
    long: Places,
    /// Lines of the text that belong to rows.
    lines: u64,
    /// Where lines were told last.
    told: Lines,
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
        Self {
            reader,
            record: StringRecord::new(),
            long: Places::default(),
            lines: 0,
            told: Lines::default(),
            text: text.clone(),
        }
    }

    /// The line in which the row begins that was read last.
    fn line(&mut self) -> u64 {
        let bytes = &self.text.bytes;
        let begin = self.record.position().and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(0);
        // blank lines before the row are read with it
        let blank = bytes.iter().skip(begin).take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.told.of(bytes, begin + blank) + self.text.above
    }

    /// Notes something of the row that was read last.
    fn note(&mut self, places: &mut Places) {
        let line = places.is_open().then(|| self.line());
        places.add(line);
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
            let mut long = std::mem::take(&mut self.long);
            self.note(&mut long);
            self.long = long;
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

    /// Adds rows until there are so many.
    fn add(&mut self, rows: &mut Vec<Vec<String>>, most: usize) {
        while rows.len() < most
            && let Some(row) = self.next_row()
        {
            rows.push(row);
        }
    }

    /// What was left out so far; blank lines only when all rows were read.
    #[must_use]
    pub fn told(&self) -> Told {
        let bytes = &self.text.bytes;
        let last = u64::from(bytes.last().is_some_and(|byte| !matches!(byte, b'\r' | b'\n')));
        let ended = self.reader.is_done();
        let blank_lines = if ended { (breaks(bytes) + last).saturating_sub(self.lines) } else { 0 };
        Told { blank_lines, long_rows: self.long.clone(), ..self.text.told.clone() }
    }
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
    cut: Places,
    notes: Places,
}

impl Table {
    /// Finds a text's columns, and stands before its first row.
    ///
    /// # Errors
    /// When there is no row, or the first is no row.
    pub fn of(text: &Text) -> Result<Self, Unreadable> {
        let mut records = Records::new(text);
        let mut rows: Vec<Vec<String>> = records.next_row().into_iter().collect();
        if records.long.number > 0 {
            return Err(Unreadable::Long);
        }
        if rows.is_empty() {
            return Err(Unreadable::Empty);
        }
        records.add(&mut rows, top::ROWS);
        let above = top::notes(&rows);
        rows.drain(..above);
        let (header, width) = match Header::of(&rows) {
            Some(header) => (header, rows.first().map_or(0, Vec::len)),
            None => {
                records.add(&mut rows, SAMPLE);
                (Header::inferred(&rows), rows.iter().map(Vec::len).max().unwrap_or(0))
            }
        };
        // from the begin again, to the first row of data
        let mut records = Records::new(text);
        let mut notes = Places::default();
        for _ in 0..above {
            records.advance();
            records.note(&mut notes);
        }
        if !header.headless {
            records.advance();
        }
        Ok(Self { records, header, width, left: ROWS, surplus: 0, cut: Places::default(), notes })
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
            if beyond.any(|cell| !cell.trim().is_empty()) {
                self.records.note(&mut self.cut);
            }
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
            cut_rows: self.cut.clone(),
            notes: self.notes.clone(),
            ..self.records.told()
        }
    }
}
