//! `outscout job`: an Outsend API, wherever it is, through its public routes (outsend 8-10).

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::{ArgGroup, Subcommand};
use engine::{
    Module,
    table::{self, Table, Text, Unreadable},
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::Method;
use serde_json::{Map, Value, json};
use shared::json;
use sse_stream::{Sse, SseByteStream};

use super::{
    download::{FileFormat, save},
    input,
    output::{Failed, print, show},
    remote::{Api, Remote, segment, usage},
};
use crate::faults::no_json;

/// The pause before a lost stream is opened again, unless the server names one.
const RETRY: Duration = Duration::from_secs(3);
/// How often in a row a stream may be refused or lost before it is given up.
const MAX_LOST: u32 = 20;
/// The pause between two lines of a job that goes on.
const EACH: Duration = Duration::from_secs(5);
/// Most rows that a job takes, and most bytes of a request with them (outsend 2.1, 8.3).
const MAX_ITEMS: usize = 10_000;
const MAX_BODY: usize = 4 * 1024 * 1024;
/// A stream that is silent for longer is lost: there is a `status` every two seconds.
const SILENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Subcommand)]
pub(super) enum JobCommand {
    /// Make a job over rows of a file, or over the results of another job, or one that searches for places, or one that checks
    /// where mail lands
    #[command(group = ArgGroup::new("about").required(true).multiple(true).args(["items", "source", "query", "domain"]))]
    Create {
        /// Module, e.g. verify-emails, scrap, delivery-check
        module: String,
        /// Rows: a .json file with a list of objects, or a table in a text file (csv, tsv), with a header or without; `-` is
        /// standard input, with either
        #[arg(long)]
        items: Option<PathBuf>,
        /// Job whose results are the rows
        #[arg(long)]
        source: Option<String>,
        /// What scrap looks for, e.g. bakery; repeatable
        #[arg(long, requires = "zone", conflicts_with_all = ["items", "source"])]
        query: Vec<String>,
        /// Where: a place, region or country, a postal code, `Lyon 20km`; repeatable
        #[arg(long, requires = "query")]
        zone: Vec<String>,
        /// Whose mails delivery-check looks for, e.g. acme.com
        #[arg(long, conflicts_with_all = ["items", "source", "query"])]
        domain: Option<String>,
        /// What their subject contains
        #[arg(long, requires = "domain")]
        subject: Option<String>,
        /// Option of the module, repeatable: name=value, the value as JSON or as text
        #[arg(long = "option", value_name = "NAME=VALUE")]
        options: Vec<String>,
        /// Follow the job until it ends
        #[arg(long)]
        watch: bool,
        #[command(flatten)]
        api: Api,
    },
    /// Follow a job's event stream until the job ends
    Watch {
        /// Job id
        id: String,
        /// Show the log from its beginning
        #[arg(long)]
        from_start: bool,
        #[command(flatten)]
        api: Api,
    },
    /// Save a job's results
    Download {
        /// Job id
        id: String,
        /// Format
        #[arg(long, value_enum, default_value = "csv")]
        format: FileFormat,
        /// File; - is standard output. Without it, the name that the server gives
        #[arg(long, short)]
        output: Option<PathBuf>,
        #[command(flatten)]
        api: Api,
    },
    /// End a job at once
    Cancel {
        /// Job id
        id: String,
        #[command(flatten)]
        api: Api,
    },
    /// Jobs, newest first
    List {
        /// State, repeatable
        #[arg(long)]
        status: Vec<String>,
        /// Type, repeatable
        #[arg(long = "type")]
        kinds: Vec<String>,
        /// At most this many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
        limit: u16,
        /// Jobs to pass over
        #[arg(long, default_value_t = 0)]
        offset: u64,
        #[command(flatten)]
        api: Api,
    },
}

pub(super) async fn job(command: JobCommand) -> Result<(), Failed> {
    match command {
        JobCommand::Create { module, items, source, query, zone, domain, subject, options, watch, api } => {
            let (rows, read) = items.as_deref().map(rows).transpose()?.unzip();
            let mut body = members(options)?;
            for (name, value) in [("source_job_id", source), ("domain", domain), ("subject_filter", subject)] {
                body.extend(value.map(|value| (name.to_owned(), Value::from(value))));
            }
            if !query.is_empty() {
                body.extend([("queries".to_owned(), query.into()), ("zones".to_owned(), zone.into())]);
            }
            let body = with_rows(&body, rows.as_deref());
            check_size(items.as_deref(), body.len())?;
            let remote = Remote::new(api)?;
            let path = format!("/jobs/{}", segment(&module)?);
            let job = remote.answer(Method::POST, &path, Some(body)).await?;
            tell(&remote, &job)?;
            if !remote.api.json {
                left_out(&module, read.unwrap_or_default(), &job)?;
            }
            match job.get("id").and_then(Value::as_str) {
                Some(id) if watch => follow(&remote, id, true).await,
                Some(id) if !remote.api.json => Ok(writeln!(io::stderr(), "next: outscout job watch {id}")?),
                _ => Ok(()),
            }
        }
        JobCommand::Watch { id, from_start, api } => follow(&Remote::new(api)?, &id, from_start).await,
        JobCommand::Download { id, format, output, api } => {
            let (id, extension) = (segment(&id)?, format.extension());
            let path = format!("/jobs/{id}/download?format={extension}");
            save(&Remote::new(api)?, &path, &format!("{id}.{extension}"), output.as_deref()).await
        }
        JobCommand::Cancel { id, api } => {
            let remote = Remote::new(api)?;
            let path = format!("/jobs/{}/cancel", segment(&id)?);
            let job = remote.value(Method::POST, &path, None).await?;
            Ok(tell(&remote, &job)?)
        }
        JobCommand::List { status, kinds, limit, offset, api } => {
            let remote = Remote::new(api)?;
            let mut path = format!("/jobs?limit={limit}&offset={offset}");
            for (name, values) in [("status", status), ("type", kinds)] {
                for value in values {
                    path.push_str(&format!("&{name}={}", segment(&value)?));
                }
            }
            let jobs = remote.value(Method::GET, &path, None).await?;
            for job in jobs.as_array().into_iter().flatten() {
                tell(&remote, job)?;
            }
            Ok(())
        }
    }
}

/// Refuses a body that is longer than a request may be, before it is sent.
fn check_size(items: Option<&Path>, size: usize) -> Result<(), Failed> {
    if size <= MAX_BODY {
        return Ok(());
    }
    let (file, parts) = (items.unwrap_or(Path::new("")).display(), size.div_ceil(MAX_BODY));
    Err(usage(&format!("{file}: its rows are {size} bytes, and a request takes {MAX_BODY}: make {parts} files of it")))
}

/// Tells which rows of a file are no items of the job that was made of it.
fn left_out(module: &str, read: usize, job: &Value) -> io::Result<()> {
    let ignored = job.pointer("/breakdown/ignored").and_then(Value::as_u64).unwrap_or(0);
    let rows = |count: u64| if count == 1 { "1 row was".to_owned() } else { format!("{count} rows were") };
    if ignored > 0 {
        let needed = Module::parse_either(module).and_then(|module| module.entry().column);
        writeln!(io::stderr(), "{} left out: without {}", rows(ignored), needed.unwrap_or("what it needs of each"))?;
    }
    let items = job.get("grid_points_count").and_then(Value::as_u64).unwrap_or(0);
    // where a row is an item, what is neither was there before
    let again = u64::try_from(read).unwrap_or(0).saturating_sub(ignored + items);
    if again > 0 {
        writeln!(io::stderr(), "{} left out: the same as one before", rows(again))?;
    }
    Ok(())
}

/// The members that options name, each with its value as JSON or as text.
fn members(options: Vec<String>) -> Result<Map<String, Value>, Failed> {
    let member = |option: String| {
        let (name, value) = option.split_once('=').ok_or_else(|| usage("--option takes NAME=VALUE"))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        Ok((name.to_owned(), value))
    };
    options.into_iter().map(member).collect()
}

/// A body with these members and the rows, as they stand.
fn with_rows(members: &Map<String, Value>, rows: Option<&str>) -> String {
    let members = members.iter().map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())));
    let rows = rows.map(|rows| format!("\"items\":{rows}"));
    format!("{{{}}}", rows.into_iter().chain(members).collect::<Vec<_>>().join(","))
}

/// The rows of a file, as objects in JSON, and how many. What is JSON already is sent as it stands, with every digit.
fn rows(file: &Path) -> Result<(String, usize), Failed> {
    let bytes = input::read(file)?;
    // standard input has no name; a header can stand in brackets
    let begins = |text: &str| {
        let inside = text.trim_start().strip_prefix('[').map(str::trim_start);
        text.trim_start().starts_with('{')
            || inside.is_some_and(|inside| inside.is_empty() || inside.starts_with(['{', ']']))
    };
    let is_json = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
        || (file == Path::new("-") && begins(&table::decode(bytes.clone()).text));
    if is_json {
        let text = table::decode(bytes).text;
        // what is none is told before anything is sent; how large a number may be, and what a text holds, is the server's business
        let rows = check(file, &text)?;
        return Ok((text, rows));
    }
    let unreadable = |cause: Unreadable| {
        let more = if cause == Unreadable::Spreadsheet { ", or download a job's results as csv or json" } else { "" };
        usage(&format!("{}: {cause}{more}", file.display()))
    };
    let text = Text::read(bytes).map_err(unreadable)?;
    let mut table = Table::of(&text).map_err(unreadable)?;
    let columns = table.header().names.clone();
    let mut rows = Vec::new();
    while let Some(cells) = table.next_row() {
        let cells = columns.iter().cloned().zip(cells.into_iter().map(Value::from));
        rows.push(Value::Object(cells.collect()));
    }
    // whoever cannot read this gets the job all the same
    let _ = writeln!(io::stderr(), "{}", reading(file, &text, &table, rows.len()));
    limit(file, rows.len())?;
    let count = rows.len();
    Ok((Value::Array(rows).to_string(), count))
}

/// Refuses a text that is no JSON, or more rows than a job takes; how many there are.
fn check(file: &Path, text: &str) -> Result<usize, Failed> {
    let told = |cause: String| usage(&format!("{}: {cause}", file.display()));
    let Ok(rows) = json::parse_any(text.as_bytes()) else {
        return Err(told(no_json(text.as_bytes())));
    };
    match rows.as_array() {
        Some(rows) => limit(file, rows.len()).map(|()| rows.len()),
        None => Err(told("it is no list of rows: write [{…}, {…}]".to_owned())),
    }
}

/// Refuses no rows, and more than a job takes, before they are sent.
fn limit(file: &Path, rows: usize) -> Result<(), Failed> {
    if rows == 0 {
        return Err(usage(&format!("{}: there is no row in it", file.display())));
    }
    if rows <= MAX_ITEMS {
        return Ok(());
    }
    let parts = rows.div_ceil(MAX_ITEMS);
    let text = format!("{}: it has {rows} rows, and a job takes {MAX_ITEMS}: make {parts} files of it", file.display());
    Err(usage(&text))
}

/// What was read of a file, and what was not.
fn reading(file: &Path, text: &Text, table: &Table, rows: usize) -> String {
    let separator = match text.separator() {
        None => "none".to_owned(),
        Some('\t') => "tab".to_owned(),
        Some(separator) => format!("'{separator}'"),
    };
    let rows = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
    let encoding = text.encoding().as_str();
    let mut told = vec![format!("read {rows} of {} (separator {separator}, encoding {encoding})", file.display())];
    if table.header().headless {
        told.push(format!("no header; its columns are taken for {}", table.header().names.join(", ")));
    }
    told.extend(table.told().sentences());
    told.join("; ")
}

/// Shows a job.
fn tell(remote: &Remote, job: &Value) -> io::Result<()> {
    if remote.api.json {
        return show(true, job);
    }
    let part = |name: &str| job.get(name).cloned().unwrap_or_default();
    let shown = json!({
        "id": part("id"),
        "type": part("job_type"),
        "status": part("status"),
        "items": format!("{}/{}", part("processed_points"), part("grid_points_count")),
        "rows": part("results_count"),
        "errors": part("error_count"),
        "created": part("created_at"),
    });
    show(false, &shown)
}

/// Follows a job to its end, also when the stream is lost on the way.
async fn follow(remote: &Remote, id: &str, from_start: bool) -> Result<(), Failed> {
    let mut progress = Progress::new(remote.api.json);
    let path = format!("/jobs/{}/stream", segment(id)?);
    let mut last = from_start.then(|| "0".to_owned());
    let (mut retry, mut lost, mut began) = (RETRY, 0, false);
    loop {
        let mut request = remote.request(Method::GET, &path).header("Accept", "text/event-stream");
        if let Some(last) = &last {
            request = request.header("Last-Event-ID", last);
        }
        match remote.send(request).await {
            Ok(answer) => {
                began = true;
                let pieces = answer.bytes_stream().map_err(io::Error::other);
                let mut events = SseByteStream::new(Box::pin(pieces));
                while let Ok(Some(Ok(event))) = tokio::time::timeout(SILENCE, events.next()).await {
                    lost = 0;
                    if let Some(milliseconds) = event.retry {
                        retry = Duration::from_millis(milliseconds);
                    }
                    if let Some(id) = event.id.clone() {
                        last = Some(id);
                    }
                    if told(&mut progress, remote.api.json, &event)? {
                        progress.bar.finish_and_clear();
                        return ended(&event);
                    }
                }
            }
            Err(Failed::NotFound(text)) => return Err(Failed::NotFound(text)),
            // what the API refuses stays refused; what did not answer may come back, unless nobody ever did
            Err(Failed::Other(error)) if !began || !error.is::<reqwest::Error>() => return Err(Failed::Other(error)),
            Err(Failed::Usage(text)) => return Err(Failed::Usage(text)),
            Err(_) => {}
        }
        lost += 1;
        if lost > MAX_LOST {
            let text = format!("the stream was lost {lost} times in a row: outscout job watch {id} goes on with it");
            return Err(Failed::Other(text.into()));
        }
        progress.lost(retry);
        tokio::time::sleep(retry).await;
    }
}

/// How far a job is: a bar in a terminal, else a line now and then.
struct Progress {
    bar: ProgressBar,
    lines: bool,
    /// The line that was written last, and when.
    last: Option<(Instant, String)>,
}

impl Progress {
    fn new(json: bool) -> Self {
        let terminal = io::stderr().is_terminal();
        if json || !terminal {
            return Self { bar: ProgressBar::hidden(), lines: !json, last: None };
        }
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg}");
        Self { bar: bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())), lines: false, last: None }
    }

    /// Says that the connection is gone, once until it is back.
    fn lost(&mut self, retry: Duration) {
        self.bar.set_message("connection lost, trying again");
        let line = format!("connection lost: trying again every {} s", retry.as_secs().max(1));
        if self.lines && self.last.as_ref().is_none_or(|(_, last)| *last != line) {
            let _ = writeln!(io::stderr(), "{line}");
            self.last = Some((Instant::now(), line));
        }
    }

    fn tell(&mut self, status: &str, (done, all): (u64, u64), rows: u64) {
        self.bar.set_length(all);
        self.bar.set_position(done);
        self.bar.set_message(format!("{status}, {rows} rows"));
        let line = format!("{status}: {done} of {all} items, {rows} rows");
        let due = self.last.as_ref().is_none_or(|(at, last)| {
            *last != line && (at.elapsed() >= EACH || !last.starts_with(&format!("{status}:")))
        });
        if self.lines && due {
            // whoever cannot read this gets the job all the same
            let _ = writeln!(io::stderr(), "{line}");
            self.last = Some((Instant::now(), line));
        }
    }
}

/// Shows an event; whether it was the last one.
fn told(progress: &mut Progress, json: bool, event: &Sse) -> Result<bool, Failed> {
    let (name, data) = (event.event.as_deref().unwrap_or_default(), event.data.as_deref().unwrap_or_default());
    if data.is_empty() {
        return Ok(false);
    }
    let data = json::parse(data.as_bytes())?;
    if json {
        print(&json!({"event": name, "id": event.id, "data": data}).to_string())?;
    }
    let number = |name: &str| data.get(name).and_then(Value::as_u64).unwrap_or(0);
    let text = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default();
    match name {
        "status" => {
            let items = (number("processed_points"), number("grid_points_count"));
            progress.tell(text("status"), items, number("results_count"));
        }
        "log" if !json => {
            progress.bar.suspend(|| print(&format!("{} {} {}", text("timestamp"), text("level"), text("message"))))?;
        }
        "done" if !json => {
            let (rows, seconds) = (number("results_count"), number("duration_seconds"));
            progress.bar.suspend(|| print(&format!("{}: {rows} rows in {seconds} s", text("status"))))?;
        }
        _ => {}
    }
    Ok(matches!(name, "done" | "error"))
}

/// What the last event means for the command.
fn ended(event: &Sse) -> Result<(), Failed> {
    let data = json::parse(event.data.as_deref().unwrap_or("null").as_bytes())?;
    let text = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    if event.event.as_deref() == Some("error") {
        return Err(Failed::Other(text("message").into()));
    }
    match text("status").as_str() {
        "done" => Ok(()),
        status => Err(Failed::Other(format!("the job ended as {status}").into())),
    }
}
