//! `POST /api/auth/refresh`: a refresh token for new tokens (openscouter 3.3, 7).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::refresh);
