//! `GET /api/jobs/{id}/stream`: a job's progress, live (outsend 10).

use shared::{
    lambda::{Plain, plain_streaming},
    outsend,
};

/// The function.
pub const FUNCTION: Plain = plain_streaming(env!("CARGO_PKG_NAME"), &outsend::DIALECT, outsend::stream);
