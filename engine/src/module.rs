//! How a module is run: its input, its network, and the steps that it goes (outsend 7.4).

use std::{net::IpAddr, sync::Arc};

use serde_json::{Map, Value};

use crate::{BoxFuture, filter, import, registry::Module, sort, verify};

/// A row: its cells in the order of the table's columns. `Null` is an empty cell.
pub type Row = Vec<Value>;

/// Input rows that can be read from any position, any number of times.
pub trait Input: Send + Sync {
    /// The columns of the rows.
    fn columns(&self) -> &[String];

    /// How many rows there are.
    fn rows(&self) -> u64;

    /// The rows from position `first` (from 0) to the end of the stored chunk that holds it; none at the end.
    fn read(&self, first: u64) -> BoxFuture<'_, Result<Vec<Row>, Fault>>;

    /// The text that an import parses; `None` when it has not been fetched yet.
    fn text(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, Fault>>;
}

/// What a name server says of a domain's mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailHosts {
    /// The domain does not exist.
    NoDomain,
    /// It exists and takes no mail: a null MX, or neither MX nor an address.
    NoMail,
    /// Mail exchangers, most preferred first; the domain itself when it has only an address.
    Hosts(Vec<String>),
    /// The servers did not answer, or answered with a failure.
    Failed,
}

/// What a mail server says of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpAnswer {
    /// Its reply code for the address, if it gave one.
    pub code: Option<u16>,
    /// Its reply code for an address of the same domain that nobody has, if it was asked.
    pub random: Option<u16>,
}

/// The outside world, as far as modules ask it. Each of its calls ends within a few seconds.
pub trait Network: Send + Sync {
    /// Who takes the mail of a domain. Asks twice before it gives up (outsend 12.5).
    fn mail_hosts<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, MailHosts>;

    /// Asks a domain's mail server about an address; `None` when probing is switched off (outsend 18.3).
    fn probe<'a>(&'a self, hosts: &'a [String], address: &'a str) -> BoxFuture<'a, Option<SmtpAnswer>>;

    /// Fetches a table for an import; the text says why not (outsend 12.2).
    fn table<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>>;
}

/// What a job is to compute.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The module.
    pub module: Module,
    /// Its options, checked when the job was created.
    pub options: Map<String, Value>,
    /// Planned items; `None` of an import whose source was not read yet.
    pub planned: Option<u64>,
    /// Items that are committed: where the run begins.
    pub done: u64,
    /// Rows that are committed.
    pub produced: u64,
}

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
    /// The log line that carries the notice.
    pub line: Line,
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
}

/// Why a run cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The rows that it reads are not there any more.
    #[error("Input is no longer available.")]
    InputGone,
    /// The job fails with this text.
    #[error("{0}")]
    Failed(String),
    /// Something went wrong that a new attempt may not meet.
    #[error("{0}")]
    Internal(String),
}

/// A module at work.
pub trait Run: Send {
    /// The next items, at most a few seconds' work and at most [`MAX_ROWS`] rows; `None` when all are done.
    fn step(&mut self) -> BoxFuture<'_, Result<Option<Step>, Fault>>;
}

/// A run with what it found out before its first step.
pub struct Started {
    /// The run.
    pub run: Box<dyn Run>,
    /// Set when the spec had no plan yet.
    pub discovered: Option<Discovered>,
}

impl std::fmt::Debug for Started {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Started").field("discovered", &self.discovered).finish_non_exhaustive()
    }
}

/// Most rows and items of one step.
pub const MAX_ROWS: usize = 1_000;
/// About how many bytes of rows a step may have: it is committed in one transaction.
pub const MAX_BYTES: usize = 1024 * 1024;

/// About how many bytes a row is.
#[must_use]
pub fn size(row: &[Value]) -> usize {
    fn cell(value: &Value) -> usize {
        match value {
            Value::String(text) => text.len() + 3,
            Value::Array(entries) => entries.iter().map(cell).sum::<usize>() + 2,
            _ => 8,
        }
    }
    row.iter().map(cell).sum()
}

/// Builds a run at the checkpoint that `spec` names.
///
/// # Errors
/// When the input cannot be read.
pub fn start(
    spec: Spec,
    input: Arc<dyn Input>,
    network: Arc<dyn Network>,
) -> BoxFuture<'static, Result<Started, Fault>> {
    Box::pin(async move {
        let run: Box<dyn Run> = match spec.module {
            Module::Import => return import::start(spec, input, network).await,
            Module::Filter => filter::start(spec, input).await?,
            Module::Sort => sort::start(spec, input).await?,
            Module::VerifyEmails => verify::start(spec, input, network).await?,
            module => return Err(Fault::Failed(format!("Module {} is not available.", module.as_str()))),
        };
        Ok(Started { run, discovered: None })
    })
}

/// Whether everybody may be sent there: no private, local or otherwise special address (outsend 11.5).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(v4.is_unspecified()
                || v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_documentation()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (18..20).contains(&b)))
        }
        IpAddr::V6(v6) => {
            if let Some(v4) = v6.to_ipv4_mapped() {
                return is_public(IpAddr::V4(v4));
            }
            let [a, b, ..] = v6.segments();
            // only the global unicast block, without the documentation, Teredo, 6to4 and NAT64 parts of it
            (a & 0xe000) == 0x2000 && !(a == 0x2001 && (b == 0x0db8 || b < 0x0200)) && a != 0x2002 && a != 0x3fff
        }
    }
}
