//! Rows, and what a run of a job hands over to be kept (outsend 7.4).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A row: its cells in the order of the table's columns. `Null` is an empty cell.
pub type Row = Vec<Value>;

/// What an import finds out when it reads its source.
#[derive(Clone, Debug, PartialEq)]
pub struct Discovered {
    /// The source's text, to be kept so that every later slice reads the same.
    pub text: Vec<u8>,
    /// Rows in it.
    pub planned: u64,
    /// The output's columns.
    pub columns: Vec<String>,
    /// `breakdown.import` (outsend 12.2).
    pub notice: Value,
    /// Log lines: the first carries the notice, the others tell what was left out or changed.
    pub lines: Vec<Line>,
}

/// What a log line is (outsend 7.4 rule 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// `debug`
    Debug,
    /// `info`
    Info,
    /// `warn`
    Warn,
    /// `error`
    Error,
}

impl Level {
    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// A line of a job's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How much it matters.
    pub level: Level,
    /// What it says: no credentials, no page content.
    pub message: String,
}

/// What was seen of an item that is looked at again and again: it is kept with the job until the job ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The item's row, as far as it is known.
    pub row: Row,
    /// Whether the log says already that the item could not be looked at.
    pub told: bool,
}

/// What became of a run of consecutive items; committed as a whole or not at all.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Items that it covers.
    pub items: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Their rows, in order, with the cells of the output's columns.
    pub rows: Vec<Row>,
    /// Requests that were made to others.
    pub attempts: u64,
    /// Lines for the log.
    pub log: Vec<Line>,
    /// What `breakdown` grows by: group, key and number, e.g. `by_status`, `valid`, 3.
    pub counts: Vec<(&'static str, String, u64)>,
    /// Items at its end, in a row with those before it, for which nobody could be asked (outsend 7.4 rule 6).
    pub refused: u64,
    /// Whether the job ends with it, as one that is done, whatever is left of its plan.
    pub ends: bool,
    /// How long the next item is to be left alone before it is tried again.
    pub again_after: Option<Duration>,
    /// What is seen by now of all the items that the job is to have (outsend 12.16).
    pub seen: Option<Vec<Seen>>,
}
