//! `DELETE /api/tokens/:id`: revokes an API token (openscouter 8).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::delete_token);
