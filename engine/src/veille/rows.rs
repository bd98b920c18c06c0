//! Signals as a table (outsend 15.5): its columns, and a row of them.

use serde_json::{Value, json};

use super::{
    compared::{Compared, Contact},
    diff::{Finding, Side},
    key::text,
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

/// What a signal repeats of the row.
const FACTS: [&str; 6] = ["nom", "adresse", "ville", "telephone", "site_web", "lien_google_maps"];

/// Where a table has what a signal repeats of a row.
#[derive(Debug)]
pub struct FactColumns([Option<usize>; 6]);

impl FactColumns {
    /// Looks for the columns by their names and aliases.
    #[must_use]
    pub fn new(names: &[String]) -> Self {
        Self(FACTS.map(|name| columns::find(names, name)))
    }

    /// The cells of a signal. `row` is the row as it is, or as it was when it is closed.
    #[must_use]
    pub fn signal(&self, finding: &Finding, row: &[Value]) -> Row {
        let known = |side: &Option<Side>| side.as_ref().map(|side| side.compared.clone()).unwrap_or_default();
        let (before, after): (Compared, Compared) = (known(&finding.before), known(&finding.after));
        let contacts = finding.changes.iter().filter(|change| change.is_contact());
        let mut cells = vec![
            json!(finding.bucket.as_str()),
            json!(finding.kind.as_str()),
            json!(finding.score),
            json!(finding.key),
        ];
        cells.extend(self.0.map(|index| text(row, index).map_or(Value::Null, |text| json!(text))));
        cells.extend([before.rating, after.rating, before.reviews, after.reviews].map(number));
        cells.push(contacts.map(|change| change.as_str()).collect());
        cells.extend([before.telephone, after.telephone, before.site, after.site].map(contact));
        cells
    }
}

/// A number; a whole one without a point.
fn number(number: Option<f64>) -> Value {
    let Some(number) = number else { return Value::Null };
    #[expect(clippy::cast_possible_truncation, reason = "whole, and exact so far")]
    if number.fract() == 0.0 && number.abs() < 9e15 { json!(number as i64) } else { json!(number) }
}

fn contact(contact: Option<Contact>) -> Value {
    contact.map_or(Value::Null, |contact| json!(contact.given))
}
