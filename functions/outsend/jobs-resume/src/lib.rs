//! `POST /api/jobs/resume`: goes on with a job that ended before its time (outsend 8.4).

use shared::{
    lambda::{Plain, plain},
    outsend,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outsend::DIALECT, outsend::resume);
