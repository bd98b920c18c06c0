//! `POST /api/oauth/revoke`: ends a connection (openscouter 8.1).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::oauth_revoke);
