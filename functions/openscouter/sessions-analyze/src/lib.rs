//! `POST /api/sessions/:id/analyze`: agent 2 is asked for (openscouter 10, 12).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::analyze_session);
