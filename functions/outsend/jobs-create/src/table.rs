//! The rows of a request as a table (outsend 8.3).

use std::collections::HashMap;

use engine::Row;
use serde_json::{Map, Value};

use shared::outsend::{fields::Fields, messages::Fault};

/// Most rows of a request, and of a source that is read for one.
pub(crate) const MAX_ITEMS: usize = 10_000;
/// Most distinct keys over all rows.
const MAX_KEYS: usize = 200;
/// Most characters of a key.
const MAX_KEY: usize = 200;
/// Most bytes of a row.
const MAX_ROW: usize = 32 * 1024;

/// Rows with their columns in first-seen order.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// The columns' names.
    pub(crate) columns: Vec<String>,
    /// The rows, each with a cell for every column.
    pub(crate) rows: Vec<Row>,
}

/// The table of `items`; what is wrong with them goes into `fields`.
pub(crate) fn table(fields: &mut Fields, items: Vec<Value>) -> Option<Table> {
    if !(1..=MAX_ITEMS).contains(&items.len()) {
        fields.fault("items", Fault::Entries(1, MAX_ITEMS));
        return None;
    }
    let mut table = Table::default();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut sound = true;
    for (index, item) in items.into_iter().enumerate() {
        if let Value::Object(item) = item {
            sound &= table.push(&mut known, fields, index, item);
        } else {
            fields.fault(format!("items.{index}"), Fault::Type("object"));
            sound = false;
        }
    }
    if table.columns.len() > MAX_KEYS {
        fields.fault("items", Fault::Format);
        sound = false;
    }
    for row in &mut table.rows {
        row.resize(table.columns.len(), Value::Null);
    }
    sound.then_some(table)
}

impl Table {
    /// Adds the row at `index`, and the columns that no row before it had; whether nothing was wrong with it.
    fn push(
        &mut self,
        known: &mut HashMap<String, usize>,
        fields: &mut Fields,
        index: usize,
        item: Map<String, Value>,
    ) -> bool {
        let mut row: Row = vec![Value::Null; self.columns.len()];
        let mut size = 0;
        let mut sound = true;
        for (key, cell) in item {
            if !is_flat(&cell) || key.chars().count() > MAX_KEY {
                fields.fault(format!("items.{index}.{key}"), Fault::Format);
                sound = false;
            }
            size += key.len() + size_of_cell(&cell);
            let column = *known.entry(key).or_insert_with_key(|key| {
                self.columns.push(key.clone());
                self.columns.len() - 1
            });
            if row.len() <= column {
                row.resize(column + 1, Value::Null);
            }
            if let Some(slot) = row.get_mut(column) {
                *slot = cell;
            }
        }
        if size > MAX_ROW {
            fields.fault(format!("items.{index}"), Fault::Format);
            sound = false;
        }
        self.rows.push(row);
        sound
    }
}

/// Whether a cell is a scalar, or a list of scalars.
fn is_flat(cell: &Value) -> bool {
    let nested = |value: &Value| value.is_object() || value.is_array();
    match cell {
        Value::Array(entries) => !entries.iter().any(nested),
        other => !nested(other),
    }
}

/// About how many bytes a cell's JSON has.
fn size_of_cell(cell: &Value) -> usize {
    match cell {
        Value::String(text) => text.len() + 4,
        Value::Array(entries) => entries.iter().map(size_of_cell).sum::<usize>() + 2,
        _ => 8,
    }
}
