//! What is kept of a row that is new, closed or modified: its signal as a table has it (outsend 15.5), what changed, and
//! the row itself.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::{
    bucket::Bucket,
    compared::{Change, Compared, Contact},
    key::text,
    signal::SignalType,
};
use crate::{Row, columns};

/// The columns of a signal, in the contract's order.
pub const SIGNAL_COLUMNS: [&str; 19] = [
    "bucket",
    "type",
    "score",
    "key",
    "nom",
    "adresse",
    "ville",
    "telephone",
    "site_web",
    "lien_google_maps",
    "rating_before",
    "rating_after",
    "reviews_before",
    "reviews_after",
    "contact_changes",
    "phone_before",
    "phone_after",
    "site_before",
    "site_after",
];

/// Where these stand among them.
const TYPE: usize = 1;
const SCORE: usize = 2;
const KEY: usize = 3;

/// What a signal repeats of the row.
const FACTS: [&str; 6] = ["nom", "adresse", "ville", "telephone", "site_web", "lien_google_maps"];

/// Where a table has what a signal repeats of a row.
#[derive(Debug)]
pub(super) struct FactColumns([Option<usize>; 6]);

impl FactColumns {
    /// Looks for the columns by their names and aliases.
    pub(super) fn new(names: &[String]) -> Self {
        Self(FACTS.map(|name| columns::find(names, name)))
    }
}

/// All that is kept of a finding. `row` is the row as it is, or as it was when it is closed.
pub(super) fn cells(
    (bucket, kind, score, key): (Bucket, SignalType, u8, &str),
    facts: &FactColumns,
    row: &[Value],
    (before, after): (&Compared, &Compared),
    changes: &[Change],
) -> Row {
    let names =
        |changes: &mut dyn Iterator<Item = &Change>| -> Value { changes.map(|change| change.as_str()).collect() };
    let mut cells = vec![json!(bucket.as_str()), json!(kind.as_str()), json!(score), json!(key)];
    cells.extend(facts.0.map(|index| text(row, index).map_or(Value::Null, |text| json!(text))));
    cells.extend([before.rating, after.rating, before.reviews, after.reviews].map(number));
    cells.push(names(&mut changes.iter().filter(|change| change.is_contact())));
    cells.extend([&before.telephone, &after.telephone, &before.site, &after.site].map(contact));
    cells.push(names(&mut changes.iter()));
    cells.extend_from_slice(row);
    cells
}

/// A finding as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundRow {
    /// The cells of its signal, under [`SIGNAL_COLUMNS`].
    pub signal: Row,
    /// The names of what changed, a list.
    pub changes: Value,
    /// The row as it is, or as it was when it is closed.
    pub row: Row,
}

impl FoundRow {
    /// Takes what was kept apart; `None` when it is none.
    #[must_use]
    pub fn read(mut cells: Row) -> Option<Self> {
        if cells.len() <= SIGNAL_COLUMNS.len() {
            return None;
        }
        let row = cells.split_off(SIGNAL_COLUMNS.len() + 1);
        let changes = cells.pop()?;
        Some(Self { signal: cells, changes, row })
    }

    /// A cell of its signal.
    #[must_use]
    pub fn cell(&self, column: &str) -> Value {
        let place = SIGNAL_COLUMNS.iter().position(|known| *known == column);
        place.and_then(|place| self.signal.get(place)).cloned().unwrap_or_default()
    }
}

/// The rank of a signal: the highest score first, then by key.
#[must_use]
pub fn rank(signal: &[Value]) -> (Reverse<u64>, &str) {
    let score = signal.get(SCORE).and_then(Value::as_u64).unwrap_or(0);
    (Reverse(score), signal.get(KEY).and_then(Value::as_str).unwrap_or_default())
}

/// What the signals of a bucket are narrowed to (outsend 15.2).
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Types; an empty list means any.
    pub kinds: Vec<SignalType>,
    /// The least score.
    pub min_score: u8,
}

impl Filter {
    /// Whether every signal is asked for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.kinds.is_empty() && self.min_score <= 1
    }

    /// Whether a signal is asked for.
    #[must_use]
    pub fn holds(&self, signal: &[Value]) -> bool {
        let kind = signal.get(TYPE).and_then(Value::as_str);
        self.reaches(signal) && (self.kinds.is_empty() || self.kinds.iter().any(|known| Some(known.as_str()) == kind))
    }

    /// Whether a signal has the score that is asked for; in the order of ranks, none behind one that has not has it.
    #[must_use]
    pub fn reaches(&self, signal: &[Value]) -> bool {
        signal.get(SCORE).and_then(Value::as_u64).unwrap_or(0) >= u64::from(self.min_score)
    }
}

/// A number; a whole one without a point.
fn number(number: Option<f64>) -> Value {
    let Some(number) = number else { return Value::Null };
    #[expect(clippy::cast_possible_truncation, reason = "whole, and exact so far")]
    if number.fract() == 0.0 && number.abs() < 9e15 { json!(number as i64) } else { json!(number) }
}

fn contact(contact: &Option<Contact>) -> Value {
    contact.as_ref().map_or(Value::Null, |contact| json!(contact.given))
}
