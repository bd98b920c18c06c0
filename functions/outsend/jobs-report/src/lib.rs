//! `GET /api/jobs/{id}/report`: the report of a placement check (outsend 12.16).

use shared::{
    lambda::{Plain, plain},
    outsend,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outsend::DIALECT, outsend::report);
