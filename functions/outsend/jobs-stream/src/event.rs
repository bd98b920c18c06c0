//! The events of a job's stream (outsend 10).

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use shared::{
    model::Job,
    outsend::{format::timestamp, jobs::query_stats},
    store::LogLine,
};

#[derive(Serialize)]
struct Status {
    id: String,
    status: &'static str,
    processed_points: u64,
    grid_points_count: u64,
    results_count: u64,
    error_count: u64,
    download_available: bool,
    query_stats: Map<String, Value>,
}

#[derive(Serialize)]
struct Log<'a> {
    message: &'a str,
    level: &'static str,
    timestamp: String,
}

#[derive(Serialize)]
struct Done {
    id: String,
    status: &'static str,
    results_count: u64,
    duration_seconds: i64,
}

#[derive(Serialize)]
struct Failure<'a> {
    code: &'a str,
    message: &'a str,
}

/// A stream's first event: a snapshot that says, too, how long a client waits before it comes again.
pub(crate) fn first(job: &Job, now: OffsetDateTime) -> Bytes {
    Bytes::from([b"retry: 3000\n", &*status(job, now)].concat())
}

/// A full snapshot of a job.
pub(crate) fn status(job: &Job, now: OffsetDateTime) -> Bytes {
    let data = Status {
        id: job.id.to_string(),
        status: job.status_at(now).as_str(),
        processed_points: job.processed,
        grid_points_count: job.planned.unwrap_or(0),
        results_count: job.results,
        error_count: job.errors,
        download_available: job.has_file(now),
        query_stats: query_stats(job),
    };
    event("status", None, &data)
}

/// A line of the log; only these events carry an id.
pub(crate) fn log(seq: u64, line: &LogLine) -> Bytes {
    let data = Log { message: &line.message, level: line.level.as_str(), timestamp: timestamp(line.at) };
    event("log", Some(seq), &data)
}

/// The end of a job.
pub(crate) fn done(job: &Job, now: OffsetDateTime) -> Bytes {
    let duration = match (job.started_at, job.completed_at) {
        (Some(started), Some(completed)) => completed.unix_timestamp() - started.unix_timestamp(),
        _ => 0,
    };
    let data = Done {
        id: job.id.to_string(),
        status: job.status_at(now).as_str(),
        results_count: job.results,
        duration_seconds: duration.max(0),
    };
    event("done", None, &data)
}

/// The end of a stream that cannot go on.
pub(crate) fn failure(code: &str, message: &str) -> Bytes {
    event("error", None, &Failure { code, message })
}

fn event(name: &str, id: Option<u64>, data: &impl Serialize) -> Bytes {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    let data = serde_json::to_string(data).unwrap_or_default();
    Bytes::from(format!("{id}event: {name}\ndata: {data}\n\n"))
}
