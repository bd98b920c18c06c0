//! Import of tables (outsend 12.2): delimiters, headers or none, and rows out of a text that somebody else wrote.

use std::{borrow::Cow, io::Cursor, sync::Arc};

use csv::{ByteRecord, Reader, ReaderBuilder, StringRecord};
use encoding_rs::WINDOWS_1252;
use serde_json::{Map, Value, json};
use url::Url;

use crate::{
    BoxFuture, Row, columns,
    columns::rows::Rows,
    module::{Discovered, Fault, Input, Level, Line, MAX_BYTES, MAX_ROWS, Network, Run, Spec, Started, Step, size},
    values,
};

/// Most rows and columns of a table.
const ROWS: u64 = 200_000;
const COLUMNS: usize = 200;
/// Most characters of a column's name.
const NAME: usize = 200;
/// Most bytes of a row, as in a request (outsend 8.3): what has more is no table.
const MAX_ROW: usize = 32 * 1024;
/// Lines that the delimiter is judged by.
const LINES: usize = 10;
/// Delimiters, in the order that breaks ties.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

fn unreadable() -> Fault {
    Fault::Failed("Import source could not be read.".to_owned())
}

/// The text as UTF-8, without a byte order mark; what is not UTF-8 is cp1252.
fn decode(text: Vec<u8>) -> Vec<u8> {
    let text = match text.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => rest.to_vec(),
        None => text,
    };
    match String::from_utf8(text) {
        Ok(text) => text.into_bytes(),
        Err(error) => {
            let (decoded, _) = WINDOWS_1252.decode_without_bom_handling(error.as_bytes());
            decoded.into_owned().into_bytes()
        }
    }
}

type Records = Reader<Cursor<Arc<[u8]>>>;

fn records(text: &Arc<[u8]>, delimiter: u8) -> Records {
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(Cursor::new(Arc::clone(text)))
}

/// The delimiter that gives the most columns over the first lines.
fn delimiter(text: &Arc<[u8]>) -> u8 {
    let mut best = (0, b',');
    for delimiter in DELIMITERS {
        let mut record = ByteRecord::new();
        let mut reader = records(text, delimiter);
        let mut columns = 0;
        for _ in 0..LINES {
            match reader.read_byte_record(&mut record) {
                Ok(true) => columns += record.len(),
                _ => break,
            }
        }
        if columns > best.0 {
            best = (columns, delimiter);
        }
    }
    best.1
}

/// The rows of a text, one after the other; blank ones are passed over.
struct Table {
    records: Records,
    record: StringRecord,
    width: usize,
    left: u64,
}

impl Table {
    fn new(text: &Arc<[u8]>, delimiter: u8, width: usize, headless: bool) -> Result<Self, Fault> {
        let mut table = Self { records: records(text, delimiter), record: StringRecord::new(), width, left: ROWS };
        if !headless {
            table.cells()?;
            table.left = ROWS;
        }
        Ok(table)
    }

    /// The next row's cells.
    fn cells(&mut self) -> Result<Option<Vec<Cow<'_, str>>>, Fault> {
        loop {
            if self.left == 0 || !self.records.read_record(&mut self.record).map_err(|_| unreadable())? {
                return Ok(None);
            }
            if self.record.as_slice().len() > MAX_ROW {
                return Err(unreadable());
            }
            if self.record.iter().any(|cell| !clean(cell).trim().is_empty()) {
                break;
            }
        }
        self.left -= 1;
        Ok(Some(self.record.iter().take(self.width).map(clean).collect()))
    }

    fn row(&mut self) -> Result<Option<Row>, Fault> {
        let width = self.width;
        let Some(cells) = self.cells()? else { return Ok(None) };
        let mut row: Row = cells.into_iter().map(|cell| Value::String(cell.into_owned())).collect();
        // short lines are padded
        row.resize(width, Value::String(String::new()));
        Ok(Some(row))
    }
}

/// A cell without NULs, which no spreadsheet and no store of ours wants, and without the guard that our own files have
/// before what looks like a formula.
fn clean(cell: &str) -> Cow<'_, str> {
    if cell.contains('\0') {
        let cell = cell.replace('\0', "");
        Cow::Owned(values::unguarded(&cell).to_owned())
    } else {
        Cow::Borrowed(values::unguarded(cell))
    }
}

/// A table's form: what every later slice must see in the same way.
struct Form {
    delimiter: u8,
    headless: bool,
    names: Vec<String>,
    notice: Value,
}

fn form(text: &Arc<[u8]>) -> Result<Form, Fault> {
    let delimiter = delimiter(text);
    let mut table = Table::new(text, delimiter, usize::MAX, true)?;
    let first: Vec<String> = table.cells()?.ok_or_else(unreadable)?.into_iter().map(Cow::into_owned).collect();
    let headless = columns::headless(first.get(..COLUMNS.min(first.len())).unwrap_or_default());
    let ignored: Vec<_> =
        if headless { Vec::new() } else { first.iter().skip(COLUMNS).map(|name| short(name)).collect() };
    let mut mapped = Map::new();
    let (names, inferred) = if headless {
        let mut width = first.len();
        let mut sample: Vec<Vec<String>> = vec![first];
        while sample.len() < 1_000
            && let Some(cells) = table.cells()?
        {
            width = width.max(cells.len());
            sample.push(cells.into_iter().map(Cow::into_owned).collect());
        }
        let rows = sample.iter().map(|row| row.iter().map(String::as_str).collect());
        columns::infer(width.min(COLUMNS), rows)
    } else {
        let given: Vec<String> = first.iter().take(COLUMNS).enumerate().map(named).collect();
        let resolved = columns::resolve(&given);
        for (given, resolved) in given.iter().zip(&resolved).filter(|(given, resolved)| given != resolved) {
            mapped.insert(given.clone(), Value::from(resolved.clone()));
        }
        (resolved, Vec::new())
    };
    let notice = json!({"mapped": mapped, "inferred": inferred, "ignored": ignored});
    Ok(Form { delimiter, headless, names: distinct(names), notice })
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

/// Reads a source's text: its columns, its number of rows and the notice.
///
/// # Errors
/// `Import source could not be read.`
pub fn discover(text: Vec<u8>) -> Result<Discovered, Fault> {
    let text: Arc<[u8]> = decode(text).into();
    let form = form(&text)?;
    let mut table = Table::new(&text, form.delimiter, form.names.len(), form.headless)?;
    let mut planned = 0;
    while table.cells()?.is_some() {
        planned += 1;
    }
    let message: String = format!("Columns read: {}", form.notice).chars().take(2_000).collect();
    let line = Line { level: Level::Info, message };
    Ok(Discovered { text: text.to_vec(), planned, columns: form.names, notice: form.notice, line })
}

/// Where a source is fetched: the export of a shared sheet, or the URL itself when it is https (outsend 12.2).
#[must_use]
pub fn sheet_url(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok().filter(|url| url.scheme() == "https")?;
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
            // a text that was staged without its plan is read again: the source decides
            (None, _) => {
                let url = spec.options.get("url").and_then(Value::as_str).and_then(sheet_url).ok_or_else(unreadable)?;
                let text = network.table(&url).await.map_err(|_| unreadable())?;
                let found = discover(text)?;
                (found.text.clone(), Some(found))
            }
        };
        let planned = discovered.as_ref().map(|found| found.planned).or(spec.planned).unwrap_or(0);
        let text: Arc<[u8]> = text.into();
        let form = form(&text)?;
        let mut table = Table::new(&text, form.delimiter, form.names.len(), form.headless)?;
        for _ in 0..spec.done {
            table.cells()?;
        }
        let run = Box::new(Parsed { table, left: planned.saturating_sub(spec.done) });
        Ok(Started { run, discovered })
    })
}

/// The rows of a text.
struct Parsed {
    table: Table,
    left: u64,
}

impl Run for Parsed {
    fn step(&mut self) -> BoxFuture<'_, Result<Option<Step>, Fault>> {
        Box::pin(async move {
            let mut step = Step::default();
            let mut bytes = 0;
            while step.rows.len() < MAX_ROWS && bytes < MAX_BYTES && self.left > 0 {
                // the plan was made of this very text
                let row = self.table.row()?.ok_or(Fault::InputGone)?;
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
