//! `PATCH /api/jobs/:id`: a study changes, pauses or goes on (openscouter 9).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::update_study);
