//! `GET /.well-known/oauth-*`: what the authorization server offers (openscouter 8.1).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::oauth_metadata);
