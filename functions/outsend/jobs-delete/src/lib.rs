//! `DELETE /api/jobs/{id}`: removes a job that has ended, with its rows (outsend 8.1).

use shared::{
    lambda::{Plain, plain},
    outsend,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outsend::DIALECT, outsend::delete_job);
