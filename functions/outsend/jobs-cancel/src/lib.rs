//! `POST /api/jobs/{id}/cancel`: ends a job at once (outsend 7.4, 8.1).

use shared::{
    lambda::{Plain, plain},
    outsend,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outsend::DIALECT, outsend::cancel);
