//! Import of tables (outsend 12.2): where they come from, and their rows.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use url::Url;

use crate::{
    BoxFuture, Row,
    columns::{Column, rows::Rows},
    module::{Discovered, Fault, Input, Level, Line, MAX_BYTES, MAX_ROWS, Network, Run, Spec, Started, Step, size},
    table::{Table, Text, Unreadable},
    values,
};

fn unreadable() -> Fault {
    Fault::Failed("Import source could not be read.".to_owned())
}

impl From<Unreadable> for Fault {
    fn from(cause: Unreadable) -> Self {
        Self::Failed(format!("Import source could not be read: {cause}."))
    }
}

/// What was found out about a table: its columns, its form, and what of it was left out (`breakdown.import`).
fn notice(text: &Text, table: &Table) -> Value {
    let header = table.header();
    let mapped: Map<String, Value> =
        header.mapped.iter().map(|(given, resolved)| (given.clone(), Value::from(resolved.clone()))).collect();
    json!({
        "mapped": mapped,
        "inferred": header.inferred,
        "ignored": header.ignored,
        "separator": text.separator(),
        "encoding": text.encoding().as_str(),
        "left_out": table.told().numbers(),
    })
}

/// Reads a source's text: its columns, its number of rows, the notice and what was left out or changed.
///
/// # Errors
/// `Import source could not be read: <cause>.`
pub fn discover(text: Vec<u8>) -> Result<Discovered, Fault> {
    let text = Text::read(text)?;
    let mut table = Table::of(&text)?;
    let mut planned = 0;
    while table.pass() {
        planned += 1;
    }
    let notice = notice(&text, &table);
    let told = table.told();
    let level = if told.is_whole() { Level::Info } else { Level::Warn };
    let mut lines = vec![Line { level: Level::Info, message: format!("Columns read: {notice}") }];
    if text.names_separator() {
        let message = "Import: the first line names the separator and is no row".to_owned();
        lines.push(Line { level: Level::Info, message });
    }
    lines.extend(told.sentences().into_iter().map(|told| Line { level, message: format!("Import: {told}") }));
    for line in &mut lines {
        line.message = line.message.chars().take(2_000).collect();
    }
    Ok(Discovered { text: text.kept(), planned, columns: table.header().names.clone(), notice, lines })
}

/// Where a source is fetched: the export of a shared sheet, or the URL itself (outsend 12.2). Whether its host may be
/// reached, and without TLS, is judged where it is fetched.
#[must_use]
pub fn sheet_url(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?;
    if url.host_str() != Some("docs.google.com") {
        return Some(url.into());
    }
    let mut segments = url.path_segments()?;
    let (Some("spreadsheets"), Some("d"), Some(id)) = (segments.next(), segments.next(), segments.next()) else {
        return Some(url.into());
    };
    if segments.next() == Some("export") {
        return Some(url.clone().into());
    }
    let sheet = |text: &str| text.split('&').find_map(|pair| pair.strip_prefix("gid=")).map(str::to_owned);
    let gid = url.fragment().and_then(sheet).or_else(|| url.query().and_then(sheet));
    let gid = gid.filter(|gid| !gid.is_empty() && gid.bytes().all(|byte| byte.is_ascii_digit()));
    let mut export = format!("https://docs.google.com/spreadsheets/d/{id}/export?format=csv");
    if let Some(gid) = gid {
        export.push_str("&gid=");
        export.push_str(&gid);
    }
    Some(export)
}

/// See [`crate::start`].
pub(crate) fn start(
    spec: Spec,
    input: Arc<dyn Input>,
    network: Arc<dyn Network>,
) -> BoxFuture<'static, Result<Started, Fault>> {
    Box::pin(async move {
        if spec.options.get("source").and_then(Value::as_str) == Some("from_job") {
            let end = spec.planned.unwrap_or_else(|| input.rows());
            let run = Box::new(Copied { rows: Rows::new(input, spec.done, end), end });
            return Ok(Started { run, discovered: None });
        }
        let (text, discovered) = match (spec.planned, input.text().await?) {
            (Some(_), Some(text)) => (text, None),
            (Some(_), None) => return Err(Fault::InputGone),
            (None, staged) => {
                // what was staged without its plan is read again: the source decides
                let text = match (spec.options.get("url").and_then(Value::as_str), staged) {
                    (Some(url), _) => {
                        let url = sheet_url(url).ok_or_else(unreadable)?;
                        network.table(&url).await.map_err(|_| unreadable())?
                    }
                    (None, Some(pasted)) => pasted,
                    (None, None) => return Err(unreadable()),
                };
                let found = discover(text)?;
                (found.text.clone(), Some(found))
            }
        };
        let planned = discovered.as_ref().map(|found| found.planned).or(spec.planned).unwrap_or(0);
        let mut table = Table::of(&Text::read(text)?)?;
        for _ in 0..spec.done {
            table.pass();
        }
        let run = Box::new(Parsed { filled: filled(&table), table, left: planned.saturating_sub(spec.done) });
        Ok(Started { run, discovered })
    })
}

/// The columns by which somebody is reached. Where such a cell is empty, that of another column of the same meaning stands in
/// for it: a second address, when there is no first (outsend 12.2).
fn filled(table: &Table) -> Vec<Column> {
    let names = &table.header().names;
    ["email", "telephone", "site_web"].into_iter().filter_map(|name| Column::of(names, name)).collect()
}

/// The rows of a text.
struct Parsed {
    table: Table,
    filled: Vec<Column>,
    left: u64,
}

impl Run for Parsed {
    fn step(&mut self) -> BoxFuture<'_, Result<Option<Step>, Fault>> {
        Box::pin(async move {
            let mut step = Step::default();
            let mut bytes = 0;
            while step.rows.len() < MAX_ROWS && bytes < MAX_BYTES && self.left > 0 {
                // the plan was made of this very text
                let cells = self.table.next_row().ok_or(Fault::InputGone)?;
                let mut row: Row = cells.into_iter().map(|cell| Value::String(cell.into_owned())).collect();
                self.filled.iter().for_each(|column| column.fill(&mut row));
                bytes += size(&row);
                step.rows.push(row);
                self.left -= 1;
            }
            step.items = step.rows.len() as u64;
            Ok((step.items > 0).then_some(step))
        })
    }
}

/// The rows of another job; blank ones are dropped.
struct Copied {
    rows: Rows,
    end: u64,
}

impl Run for Copied {
    fn step(&mut self) -> BoxFuture<'_, Result<Option<Step>, Fault>> {
        Box::pin(async move {
            if self.rows.position() >= self.end {
                return Ok(None);
            }
            let mut step = Step::default();
            let mut bytes = 0;
            while step.items < MAX_ROWS as u64 && bytes < MAX_BYTES {
                let Some(row) = self.rows.next().await? else { break };
                step.items += 1;
                if row.iter().any(|cell| !values::is_blank(cell)) {
                    bytes += size(&row);
                    step.rows.push(row);
                }
            }
            Ok(Some(step))
        })
    }
}

#[cfg(test)]
mod tests;
