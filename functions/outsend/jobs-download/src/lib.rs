//! `GET /api/jobs/{id}/download`: a job's rows as a file (outsend 9).

use shared::{
    lambda::{Plain, plain_streaming},
    outsend,
};

/// The function.
pub const FUNCTION: Plain = plain_streaming(env!("CARGO_PKG_NAME"), &outsend::DIALECT, outsend::download);
