//! The test bench: functions over an embedded DynamoDB engine, called with the gateway's events, and what the tests of
//! several operations need: people, worlds, teams, stubs of other services, snapshots.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::print_stderr,
    reason = "a test that cannot go on panics, and says why"
)]

mod answer;
mod bench;
pub mod binaries;
pub mod bucket;
pub mod cost;
pub mod dns;
pub mod documents;
pub mod faults;
pub mod functions;
pub mod golden;
pub mod http;
pub mod mail_domains;
pub mod mails;
pub mod meter;
mod notes;
pub mod openscouter;
pub mod osm;
pub mod outsend;
pub mod outset;
pub mod policies;
#[cfg(unix)]
pub mod process;
mod random;
pub mod receiver;
pub mod seeds;
pub mod sites;
pub mod snapshot;

use std::sync::OnceLock;

pub use answer::{Answer, read};
pub use bench::{Bench, Fixture, fixture_study, is_audit, plant, spoil, stored};
use local::log::Capture;
pub use random::Random;

/// A local system's options with these variables: over the binaries, where the tests are run over them.
#[must_use]
pub fn serving(variables: &[(&str, &str)]) -> local::server::Options {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (lambda, at_once) = (binaries::folder(), binaries::at_once());
    local::server::Options { variables, lambda, at_once, ..local::server::Options::default() }
}

/// Anything that goes wrong on the bench itself.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The process's log; one for all tests, since a process has one.
pub fn log() -> &'static Capture {
    static LOG: OnceLock<Capture> = OnceLock::new();
    LOG.get_or_init(Capture::install)
}
