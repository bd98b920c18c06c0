//! `POST /api/oauth/register`: a new OAuth client (openscouter 8.1).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::oauth_register);
