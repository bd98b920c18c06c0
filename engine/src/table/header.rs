//! The columns of a table (outsend 11.2, 11.3, 12.2).

use crate::columns;

/// Most columns of a table.
pub const COLUMNS: usize = 200;
/// Most characters of a column's name.
const NAME: usize = 200;

/// A table's columns, and how they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The columns' names, no two alike.
    pub names: Vec<String>,
    /// Names that stand for a canonical one, with that one (outsend 11.2).
    pub mapped: Vec<(String, String)>,
    /// Canonical names that cells showed (outsend 11.3).
    pub inferred: Vec<String>,
    /// Names of the columns that are left out.
    pub ignored: Vec<String>,
    /// Whether there is none: the first row is one of data.
    pub headless: bool,
}

impl Header {
    /// The header that the first of these rows is; `None` when it is a row of data.
    pub(super) fn of(rows: &[Vec<String>]) -> Option<Self> {
        let first = rows.first()?;
        let (kept, beyond) = first.split_at(first.len().min(COLUMNS));
        if columns::headless(kept) && !columns::years(kept, rows.get(1..).unwrap_or_default()) {
            return None;
        }
        let given: Vec<String> = kept.iter().enumerate().map(named).collect();
        let resolved = columns::resolve(&given);
        let renamed = given.iter().zip(&resolved).filter(|(given, resolved)| given != resolved);
        Some(Self {
            mapped: renamed.map(|(given, resolved)| (given.clone(), resolved.clone())).collect(),
            inferred: Vec::new(),
            ignored: beyond.iter().map(|name| short(name)).collect(),
            headless: false,
            names: distinct(resolved),
        })
    }

    /// The names that the first rows' cells tell of.
    pub(super) fn inferred(sample: &[Vec<String>]) -> Self {
        let width = sample.iter().map(Vec::len).max().unwrap_or(0);
        let rows = sample.iter().map(|row| row.iter().map(String::as_str).collect());
        let (names, inferred) = columns::infer(width.min(COLUMNS), rows);
        Self { names: distinct(names), inferred, headless: true, ..Self::default() }
    }
}

fn short(name: &str) -> String {
    name.trim().chars().take(NAME).collect()
}

/// The name of a column of the header; one without a name is named for its position.
fn named((index, name): (usize, &String)) -> String {
    let name = short(name);
    if name.is_empty() { format!("col_{}", index + 1) } else { name }
}

/// Names that stand more than once get `_2`, `_3`.
fn distinct(names: Vec<String>) -> Vec<String> {
    let mut used: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        let free = |candidate: &String| !used.contains(candidate);
        let candidate = std::iter::once(name.clone()).chain((2..).map(|count| format!("{name}_{count}"))).find(free);
        used.push(candidate.unwrap_or(name));
    }
    used
}
