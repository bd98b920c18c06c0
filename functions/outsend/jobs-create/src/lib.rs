//! `POST /api/jobs`: a job that finds places (outsend 8.2).

use shared::{
    lambda::{Plain, plain},
    outsend,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outsend::DIALECT, outsend::create_scrap);
