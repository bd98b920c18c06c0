//! The rows of a request as a table (outsend 8.3).
//!
//! They are read where they stand in the body, twice: to see what columns there are and what is wrong, and then one row
//! after the other. As values they would take a hundred times as much memory as their text, since every row has a cell
//! for each column that any row has.

use std::{borrow::Cow, collections::HashMap, fmt};

use engine::Row;
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use shared::{
    http::count_values,
    outsend::{
        envelope::Problem,
        fields::Fields,
        messages::{Detail, Fault},
        pipelines::MAX_ITEMS,
    },
};

use crate::cell::{judge, size_of_text, value};

/// Most distinct keys over all rows.
const MAX_KEYS: usize = 200;
/// Most characters of a key.
const MAX_KEY: usize = 200;
/// Most bytes of a row in compact JSON.
const MAX_ROW: usize = 32 * 1024;
/// Most bytes of a row's text, where each character can be written with six.
const MAX_ROW_TEXT: usize = 8 * MAX_ROW;

fn bad_json(_: serde_json::Error) -> Problem {
    Detail::BadJson(None).into()
}

/// The rows as they stand in the text of their array, at most as many as there may be, and whether there are more.
struct Elements<'a>(Vec<&'a str>, bool);

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Array;
        impl<'de> Visitor<'de> for Array {
            type Value = Elements<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
                let mut elements = Elements(Vec::new(), false);
                while elements.0.len() < MAX_ITEMS {
                    match array.next_element::<&RawValue>()? {
                        Some(element) => elements.0.push(element.get()),
                        None => return Ok(elements),
                    }
                }
                while array.next_element::<IgnoredAny>()?.is_some() {
                    elements.1 = true;
                }
                Ok(elements)
            }
        }
        deserializer.deserialize_seq(Array)
    }
}

/// A member's name, copied only where something in it is escaped.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a name")
            }

            fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(name)))
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// The members of an object as they stand in its text.
struct Members<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Key(name), value)) = object.next_entry::<_, &RawValue>()? {
                    members.push((name, value.get()));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// Rows with their columns in first-seen order.
pub(crate) struct Table<'a> {
    /// The columns' names.
    pub(crate) columns: Vec<String>,
    /// Each column's place.
    known: HashMap<String, usize>,
    /// The rows' texts.
    rows: Vec<&'a str>,
}

impl<'a> Table<'a> {
    /// The table of `items`, an array; what is wrong with them goes into `fields`. Reading ends at the row that has one
    /// column too many.
    ///
    /// # Errors
    /// 400 when they are no JSON after all.
    pub(crate) fn read(fields: &mut Fields, items: &'a str) -> Result<Option<Self>, Problem> {
        let Elements(rows, more) = serde_json::from_str::<Elements<'a>>(items).map_err(bad_json)?;
        if rows.is_empty() || more {
            fields.fault("items", Fault::Entries(1, MAX_ITEMS));
            return Ok(None);
        }
        let mut table = Self { columns: Vec::new(), known: HashMap::new(), rows: Vec::new() };
        let mut sound = true;
        for (index, row) in rows.iter().enumerate() {
            sound &= table.check(fields, index, row)?;
            if table.columns.len() > MAX_KEYS {
                fields.fault("items", Fault::Format);
                return Ok(None);
            }
        }
        table.rows = rows;
        Ok(sound.then_some(table))
    }

    /// Takes in the columns of the row at `index` that no row before it had; whether nothing is wrong with it.
    fn check(&mut self, fields: &mut Fields, index: usize, row: &str) -> Result<bool, Problem> {
        if !row.starts_with('{') {
            fields.fault(format!("items.{index}"), Fault::Type("object"));
            return Ok(false);
        }
        // the braces; each member has a colon, and a comma but for one
        let mut size = 2;
        let mut sound = true;
        if row.len() > MAX_ROW_TEXT || count_values(row.as_bytes()) > MAX_ROW / 2 {
            size = MAX_ROW + 1;
        } else {
            let cells = self.cells(row)?;
            size += (cells.len() * 2).saturating_sub(1);
            for (key, cell) in cells {
                let judged = judge(cell);
                if judged.is_none() || key.chars().count() > MAX_KEY {
                    fields.fault(format!("items.{index}.{key}"), Fault::Format);
                    sound = false;
                }
                size += size_of_text(&key) + judged.unwrap_or(0);
            }
        }
        if size > MAX_ROW {
            fields.fault(format!("items.{index}"), Fault::Format);
            sound = false;
        }
        Ok(sound)
    }

    /// The column of a key. Rows mostly have their keys in one order, so `next` is looked at first.
    fn column(&self, key: &str, next: usize) -> Option<usize> {
        if self.columns.get(next).is_some_and(|column| column == key) {
            return Some(next);
        }
        self.known.get(key).copied()
    }

    /// The cells of a row, of those with one key the last; new keys become columns, at most one more than there may be.
    fn cells<'r>(&mut self, row: &'r str) -> Result<Vec<(Cow<'r, str>, &'r str)>, Problem> {
        let Members(members) = serde_json::from_str(row).map_err(bad_json)?;
        let mut places = vec![usize::MAX; self.columns.len()];
        let mut cells: Vec<(Cow<'r, str>, &str)> = Vec::with_capacity(members.len());
        let mut next = 0;
        for (key, cell) in members {
            let column = match self.column(&key, next) {
                Some(column) => column,
                None if self.columns.len() > MAX_KEYS => break,
                None => {
                    self.known.insert(key.clone().into_owned(), self.columns.len());
                    self.columns.push(key.clone().into_owned());
                    places.push(usize::MAX);
                    self.columns.len() - 1
                }
            };
            next = column + 1;
            match places.get_mut(column) {
                Some(place) if *place == usize::MAX => {
                    *place = cells.len();
                    cells.push((key, cell));
                }
                place => {
                    if let Some(known) = place.and_then(|place| cells.get_mut(*place)) {
                        known.1 = cell;
                    }
                }
            }
        }
        Ok(cells)
    }

    /// The rows, one after the other, each with a cell for every column.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Result<Row, Problem>> {
        self.rows.iter().map(|text| {
            let Members(members) = serde_json::from_str(text).map_err(bad_json)?;
            // of cells with one key the last one counts, and is the one that was judged
            let mut cells = vec!["null"; self.columns.len()];
            let mut next = 0;
            for (key, cell) in members {
                if let Some(column) = self.column(&key, next)
                    && let Some(known) = cells.get_mut(column)
                {
                    *known = cell;
                    next = column + 1;
                }
            }
            cells.into_iter().map(value).collect::<Result<Row, _>>().map_err(bad_json)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_cells_with_one_key_the_last_counts() {
        let mut fields = Fields::new(serde_json::Map::new());
        let items = r#"[{"a":[[1]],"b":1,"a":"x"},{"\u0062":[true,null],"c":{},"c":null}]"#;
        let table = Table::read(&mut fields, items).unwrap().unwrap();
        assert_eq!(table.columns, ["a", "b", "c"]);
        let rows: Vec<_> = table.rows().map(Result::unwrap).collect();
        let expected = serde_json::json!([["x", 1, null], [null, [true, null], null]]);
        assert_eq!(serde_json::json!(rows), expected);
        assert!(fields.finish().is_ok());
    }

    #[test]
    fn reading_ends_with_a_column_too_many() {
        let mut fields = Fields::new(serde_json::Map::new());
        let rows: Vec<_> = (0..300).map(|key| format!("{{\"k{key}\":[[]]}}")).collect();
        assert!(Table::read(&mut fields, &format!("[{}]", rows.join(","))).unwrap().is_none());
        let Err(Problem::Invalid(faults)) = fields.finish() else { unreachable!("there are faults") };
        assert_eq!(faults.len(), 20, "what was wrong before is told");
        let mut fields = Fields::new(serde_json::Map::new());
        let half = r#"[{"a":1e999},{"a":"\ud800"},{"a":["\udc00"]}]"#;
        assert!(Table::read(&mut fields, half).unwrap().is_none());
        let Err(Problem::Invalid(faults)) = fields.finish() else { unreachable!("there are faults") };
        let faults: Vec<_> = faults.iter().map(|(field, fault)| (field.as_str(), fault)).collect();
        assert_eq!(faults, [("items.1.a", &Fault::Format), ("items.2.a", &Fault::Format)]);
    }
}
