//! `POST /api/jobs/{type}`: a job over rows (outsend 8.3).

use shared::{
    lambda::{Plain, plain},
    outsend,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outsend::DIALECT, outsend::create_typed);
