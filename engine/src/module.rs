//! What a module is run with, and what its run is: input, network, checkpoint, steps (outsend 7.4).

pub use engine_types::{Discovered, Level, Line, Row, Seen, Step};
use serde_json::{Map, Value};

use crate::{
    BoxFuture,
    delivery::{Arrival, Seed, Unread, Wanted},
    registry::Module,
    services::Call,
    web::{Answer, Ask, Missed},
};

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
    /// Whether that reply speaks of who asks, not of the address: a blocklist, a policy.
    pub of_asker: bool,
    /// Its reply code for an address of the same domain that nobody has, if it was asked.
    pub random: Option<u16>,
    /// Servers that were tried.
    pub tried: u64,
}

/// The outside world, as far as modules ask it. Each of its calls ends within a few seconds. Where nothing else is said,
/// nothing is reachable.
pub trait Network: Send + Sync {
    /// Who takes the mail of a domain. Asks twice before it gives up (outsend 12.5).
    fn mail_hosts<'a>(&'a self, _: &'a str) -> BoxFuture<'a, MailHosts> {
        Box::pin(async { MailHosts::Failed })
    }

    /// Asks a domain's mail server about an address; `None` when probing is switched off (outsend 18.3).
    fn probe<'a>(&'a self, _: &'a [String], _: &'a str) -> BoxFuture<'a, Option<SmtpAnswer>> {
        Box::pin(async { None })
    }

    /// Fetches a table for an import; the text says why not (outsend 12.2).
    fn table<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        Box::pin(async { Err("The server cannot be reached.".to_owned()) })
    }

    /// Asks a web server for a page, once: redirects are not followed (outsend 11.5).
    fn get<'a>(&'a self, _: Ask<'a>) -> BoxFuture<'a, Result<Answer, Missed>> {
        Box::pin(async { Err(Missed::Unreachable) })
    }

    /// Asks a service that the configuration names, once (outsend 18.3). No user names its host, so it may be an inner one.
    fn call<'a>(&'a self, _: Call<'a>) -> BoxFuture<'a, Result<Answer, Missed>> {
        Box::pin(async { Err(Missed::Unreachable) })
    }

    /// Looks for a mail in a mailbox that the configuration names (outsend 12.16): the first that arrived.
    fn mailbox<'a>(&'a self, _: &'a Seed, _: &'a Wanted) -> BoxFuture<'a, Result<Option<Arrival>, Unread>> {
        Box::pin(async { Err(Unread::Unreachable) })
    }
}

/// What is known of items that are looked at again and again (outsend 12.16). Times are seconds of the Unix time.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// When the job began to run.
    pub started: i64,
    /// The time as the run begins.
    pub now: i64,
    /// What was seen of the items; nothing before the first look.
    pub seen: Vec<Seen>,
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
    /// How often the next item was tried already (outsend 12.1).
    pub tries: u32,
    /// Items before it, in a row, for which nobody could be asked.
    pub refused: u64,
    /// What a placement check goes on from.
    pub watch: Watch,
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
    /// The next items, at most a few seconds' work and at most [`MAX_ROWS`] rows; none of them when it takes longer.
    /// `None` when all are done.
    fn step(&mut self) -> BoxFuture<'_, Result<Option<Step>, Fault>>;

    /// The slice's time is over: nothing new is begun. Whether something is under way that is worth a few steps more.
    fn wind_down(&mut self) -> bool {
        false
    }
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
