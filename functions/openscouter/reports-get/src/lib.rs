//! `GET /api/reports/:id`: a report (openscouter 13).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::get_report);
