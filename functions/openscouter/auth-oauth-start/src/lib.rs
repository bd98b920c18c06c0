//! `GET /api/auth/oauth/:provider/start`: sends a browser to a log-in provider (openscouter 7).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::provider_start);
