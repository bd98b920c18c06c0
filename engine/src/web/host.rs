//! Whose turn it is at a host (outsend 11.5, pace): one visitor at a time, over all jobs and processes.

use std::time::Duration;

use crate::{BoxFuture, Fault};

/// How long a host is a visitor's who does not come back: longer than a request may take.
pub const LEASE: Duration = Duration::from_secs(20);

/// What became of asking for a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is the visitor's for [`LEASE`].
    Granted,
    /// Somebody else has it, or it is to be left alone: it may be free after this time.
    Later(Duration),
}

/// The hosts of the web, as far as visitors must agree about them. Everybody who visits the same hosts shares them.
pub trait Hosts: Send + Sync {
    /// Takes a host, or keeps it for another [`LEASE`]. Of two visitors who ask at the same time one gets it.
    fn take<'a>(&'a self, host: &'a str, visitor: u64) -> BoxFuture<'a, Result<Turn, Fault>>;

    /// Gives a host back, which is left alone for `pause`. What is not the visitor's any more stays as it is.
    fn leave<'a>(&'a self, host: &'a str, visitor: u64, pause: Duration) -> BoxFuture<'a, Result<(), Fault>>;

    /// The `robots.txt` of an origin, as it was kept in the last 24 hours.
    fn robots<'a>(&'a self, origin: &'a str) -> BoxFuture<'a, Result<Option<Rules>, Fault>>;

    /// Keeps the `robots.txt` of an origin for 24 hours.
    fn keep_robots<'a>(&'a self, origin: &'a str, rules: &'a Rules) -> BoxFuture<'a, Result<(), Fault>>;
}

/// What is known of an origin's `robots.txt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rules {
    /// Its text.
    Text(Vec<u8>),
    /// There is none: everything is allowed.
    Open,
    /// The server failed: nothing is allowed.
    Closed,
}
