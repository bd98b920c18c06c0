//! Sort (outsend 12.17): the order is computed from keys alone, so that the rows themselves need not fit into memory.

use std::{cmp::Ordering, collections::VecDeque, sync::Arc};

use serde_json::Value;

use crate::{
    BoxFuture, Row, columns,
    columns::rows::Rows,
    module::{Fault, Input, MAX_BYTES, MAX_ROWS, Run, Spec, Step, size},
    values::{self, Kind},
};

/// Bytes of rows that are gathered in one pass over the input.
const WINDOW: usize = 48 * 1024 * 1024;
/// Most rows that are gathered in one pass.
const WINDOW_ROWS: usize = 100_000;
/// Bytes that a row takes beside its cells.
const OF_ROW: usize = 64;

/// The columns that `completeness` counts, as far as they exist.
const COMPLETE: [&str; 19] = [
    "nom",
    "site_web",
    "telephone",
    "adresse",
    "ville",
    "code_postal",
    "email",
    "email_personal",
    "social_facebook",
    "social_instagram",
    "social_linkedin",
    "social_twitter",
    "social_tiktok",
    "social_youtube",
    "mobile",
    "phone_secondary",
    "siren",
    "siret",
    "tech_cms",
];

/// What rows are compared by.
enum Key {
    /// How many of these columns are filled, of how many there are.
    Completeness(Vec<usize>),
    Number(usize),
    Count(usize),
    Quality {
        email: usize,
        site: Option<usize>,
    },
}

impl Key {
    /// # Errors
    /// When the column is not there.
    fn read(name: &str, names: &[String]) -> Result<Self, Fault> {
        Ok(match name {
            "note" => Self::Number(columns::asked(names, name)?),
            "nb_avis" => Self::Count(columns::asked(names, name)?),
            "email_quality" => {
                Self::Quality { email: columns::asked(names, "email")?, site: columns::find(names, "site_web") }
            }
            _ => Self::Completeness(COMPLETE.iter().filter_map(|column| columns::find(names, column)).collect()),
        })
    }

    /// A row's value; `None` comes last.
    fn of(&self, row: &[Value]) -> Option<f64> {
        let cell = |index: usize| row.get(index).filter(|cell| values::is_filled(cell));
        match self {
            Self::Completeness(indices) => {
                let filled = indices.iter().filter(|index| cell(**index).is_some()).count();
                // shares of one table have one denominator
                u32::try_from(filled).ok().map(f64::from)
            }
            Self::Number(index) => cell(*index).and_then(values::number),
            Self::Count(index) => cell(*index).and_then(values::count),
            Self::Quality { email, site } => {
                let cell = cell(*email).map(values::cell_text);
                let label = site.and_then(|index| row.get(index)).map(values::cell_text);
                let label = label.and_then(|site| values::site_label(&site));
                let best = cell.and_then(|text| {
                    values::addresses(&text).map(|address| values::kind(&address, label.as_deref())).max()
                });
                Some(match best {
                    Some(Kind::Personal) => 3.0,
                    Some(Kind::Unknown) => 2.0,
                    Some(Kind::Role) => 1.0,
                    None => 0.0,
                })
            }
        }
    }
}

fn compare(one: Option<f64>, other: Option<f64>, descending: bool) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) if descending => other.total_cmp(&one),
        (Some(one), Some(other)) => one.total_cmp(&other),
        (one, other) => one.is_none().cmp(&other.is_none()),
    }
}

struct Sort {
    input: Arc<dyn Input>,
    total: u64,
    /// Positions of the input's rows in the order of the output.
    order: Vec<u32>,
    done: u64,
    /// Output rows that were handed out.
    produced: usize,
    ready: VecDeque<Row>,
    /// Bytes of the rows of the output, in its order: rows that sort together can all be large.
    sizes: Vec<u32>,
}

pub(crate) fn start(spec: Spec, input: Arc<dyn Input>) -> BoxFuture<'static, Result<Box<dyn Run>, Fault>> {
    Box::pin(async move { Ok(Box::new(Sort::new(&spec, input).await?) as Box<dyn Run>) })
}

impl Sort {
    async fn new(spec: &Spec, input: Arc<dyn Input>) -> Result<Self, Fault> {
        let total = spec.planned.unwrap_or_else(|| input.rows());
        let option = |name: &str| spec.options.get(name);
        let key = Key::read(option("sort_by").and_then(Value::as_str).unwrap_or("completeness"), input.columns())?;
        let descending = option("direction").and_then(Value::as_str) != Some("asc");
        let mut keys = Vec::with_capacity(usize::try_from(total).unwrap_or(0).min(10_000_000));
        let mut bytes = Vec::with_capacity(keys.capacity());
        let mut rows = Rows::new(Arc::clone(&input), 0, total);
        while let Some(row) = rows.next().await? {
            bytes.push(u32::try_from(size(&row) + OF_ROW).unwrap_or(u32::MAX));
            keys.push(key.of(&row));
        }
        let length = u32::try_from(keys.len()).map_err(|_| Fault::Failed("There are too many rows.".to_owned()))?;
        let mut order: Vec<u32> = (0..length).collect();
        let value = |index: &u32| keys.get(*index as usize).copied().flatten();
        // stable, so that ties keep the input's order
        order.sort_by(|one, other| compare(value(one), value(other), descending));
        if let Some(most) = option("top_n").and_then(Value::as_u64).filter(|most| *most > 0) {
            order.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        }
        let sizes = order.iter().map(|index| bytes.get(*index as usize).copied().unwrap_or_default()).collect();
        let produced = usize::try_from(spec.produced).unwrap_or(usize::MAX);
        Ok(Self { input, total, order, done: spec.done, produced, ready: VecDeque::new(), sizes })
    }

    /// Gathers the next window of the output in one pass over the input.
    async fn gather(&mut self) -> Result<(), Fault> {
        let mut bytes = 0;
        let fits = self.sizes.iter().skip(self.produced).take(WINDOW_ROWS).take_while(|size| {
            let first = bytes == 0;
            bytes += **size as usize;
            first || bytes <= WINDOW
        });
        let end = self.produced.saturating_add(fits.count());
        let wanted = self.order.get(self.produced..end).unwrap_or_default();
        // by their positions in the input
        let mut indices: Vec<(u32, usize)> = wanted.iter().copied().zip(0..).collect();
        indices.sort_unstable();
        let mut found: Vec<Row> = vec![Row::new(); indices.len()];
        let mut rows =
            Rows::new(Arc::clone(&self.input), indices.first().map_or(0, |index| index.0.into()), self.total);
        for (index, slot) in indices {
            rows.skip_to(index.into());
            let row = rows.next().await?.ok_or(Fault::InputGone)?;
            if let Some(slot) = found.get_mut(slot) {
                *slot = row;
            }
        }
        self.ready = found.into();
        Ok(())
    }
}

impl Run for Sort {
    fn step(&mut self) -> BoxFuture<'_, Result<Option<Step>, Fault>> {
        Box::pin(async move {
            if self.done >= self.total {
                return Ok(None);
            }
            if self.ready.is_empty() && self.produced < self.order.len() {
                self.gather().await?;
            }
            let mut step = Step::default();
            let mut bytes = 0;
            while step.rows.len() < MAX_ROWS && bytes < MAX_BYTES {
                let Some(row) = self.ready.pop_front() else { break };
                bytes += size(&row);
                step.rows.push(row);
            }
            self.produced += step.rows.len();
            step.items = step.rows.len() as u64;
            if self.produced >= self.order.len() {
                // what `top_n` leaves out has no rows
                step.items = self.total - self.done;
            }
            self.done += step.items;
            Ok(Some(step))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        Module,
        columns::rows::testing::{Memory, drain, options, ready},
    };

    fn spec(options: Value, rows: &[Row], done: u64, produced: u64) -> Spec {
        Spec {
            module: Module::Sort,
            options: self::options(options),
            planned: Some(rows.len() as u64),
            done,
            produced,
            tries: 0,
            refused: 0,
            watch: crate::module::Watch::default(),
        }
    }

    fn sorted(columns: &[&str], rows: &[Row], how: Value) -> Vec<Row> {
        let input = Memory::table(columns, rows.to_vec(), 4);
        let whole = |done, produced| {
            let mut run = ready(start(spec(how.clone(), rows, done, produced), input.clone())).unwrap();
            ready(drain(&mut *run, done, produced)).unwrap()
        };
        let outcome = whole(0, 0);
        for (done, produced) in &outcome.checkpoints {
            let rest = whole(*done, *produced);
            assert_eq!(rest.rows, outcome.rows[usize::try_from(*produced).unwrap()..]);
        }
        if let Some((done, _)) = outcome.checkpoints.last() {
            assert_eq!(*done, rows.len() as u64);
        }
        outcome.rows
    }

    #[test]
    fn numbers_with_commas_and_rows_without_a_value_last() {
        let rows: Vec<Row> = [json!("4,5"), json!(null), json!(4), json!("x"), json!("4.5"), json!(5)]
            .into_iter()
            .zip(0..)
            .map(|(note, index)| vec![json!(index), note])
            .collect();
        let order = |how: Value| -> Vec<i64> {
            sorted(&["id", "rating"], &rows, how).iter().map(|row| row[0].as_i64().unwrap()).collect()
        };
        assert_eq!(order(json!({"sort_by": "note"})), [5, 0, 4, 2, 1, 3]);
        assert_eq!(order(json!({"sort_by": "note", "direction": "asc"})), [2, 0, 4, 5, 1, 3]);
        assert_eq!(order(json!({"sort_by": "note", "top_n": 2})), [5, 0]);
        for (key, name) in [("nb_avis", "nb_avis"), ("email_quality", "email")] {
            let input = Memory::table(&["id", "rating"], rows.clone(), 4);
            let refused = ready(start(spec(json!({"sort_by": key}), &rows, 0, 0), input)).map(|_| ()).unwrap_err();
            assert_eq!(refused, Fault::Failed(format!("Unknown column: {name}. Columns: id, rating.")));
        }
    }

    #[test]
    fn a_window_of_large_rows_stays_small() {
        // few large rows that sort together, among many small ones: no mean says how large a window becomes
        let mut rows: Vec<Row> = (0..100_000).map(|_| vec![json!(1), json!("")]).collect();
        let large: Value = "x".repeat(16 * 1024).into();
        rows.extend((0..10_000).map(|_| vec![json!(2), large.clone()]));
        let input = Memory::table(&["note", "x"], rows.clone(), 1_000);
        let mut spec = spec(json!({"sort_by": "note"}), &rows, 0, 0);
        spec.planned = Some(rows.len() as u64);
        let mut sort = ready(Sort::new(&spec, input)).unwrap();
        ready(sort.gather()).unwrap();
        let bytes: usize = sort.ready.iter().map(|row| size(row)).sum();
        assert!(!sort.ready.is_empty() && bytes <= WINDOW + 16 * 1024, "{bytes}");
    }

    #[test]
    fn completeness_and_the_quality_of_addresses() {
        let columns = ["nom", "email", "ville", "x"];
        let rows: Vec<Row> = vec![
            vec![json!("A"), json!("info@a.fr"), json!(""), json!("x")],
            vec![json!("B"), json!("Marie <marie.durand@b.fr>"), json!("Lyon"), json!(null)],
            vec![json!(" "), json!("contact@c.fr; zq12@c.fr"), json!(null), json!("x")],
            vec![json!("D"), json!(null), json!("Paris"), json!("x")],
        ];
        let first = |how: Value| -> Vec<String> {
            sorted(&columns, &rows, how).iter().map(|row| row[0].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(first(json!({})), ["B", "A", "D", " "]);
        assert_eq!(first(json!({"sort_by": "email_quality"})), ["B", " ", "A", "D"]);
    }

    proptest! {
        #[test]
        fn sorts_as_a_table_in_memory_does(
            notes in proptest::collection::vec(proptest::option::of(0_i32..20), 0..60),
            descending: bool,
            most in proptest::option::of(1_usize..80),
        ) {
            let rows: Vec<Row> = notes.iter().zip(0..).map(|(note, index)| vec![json!(index), json!(note)]).collect();
            let direction = if descending { "desc" } else { "asc" };
            let found = sorted(&["id", "note"], &rows, json!({"sort_by": "note", "direction": direction, "top_n": most}));
            let mut naive = rows.clone();
            naive.sort_by_key(|row| {
                let note = row[1].as_i64();
                (note.is_none(), note.map(|note| if descending { -note } else { note }))
            });
            naive.truncate(most.unwrap_or(usize::MAX));
            prop_assert_eq!(found, naive);
        }
    }
}
