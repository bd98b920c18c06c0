//! `POST /api/reports/job/:id`: agent 4 is asked for (openscouter 13).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::create_study_report);
