//! `GET /api/jobs/:id`: a study (openscouter 9).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::get_study);
