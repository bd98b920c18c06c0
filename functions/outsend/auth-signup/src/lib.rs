//! `POST /api/auth/signup`: opens an account with a workspace and a first session (outsend 6.2).

use shared::{
    lambda::{Plain, plain},
    outsend,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outsend::DIALECT, outsend::sign_up);
