//! `POST /api/data/voice`: a batch of what a session captured (openscouter 11).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::ingest_voice);
