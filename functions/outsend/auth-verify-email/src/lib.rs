//! `POST /api/auth/verify-email`: verifies an address with the token of a mail (outsend 6.2).

use shared::{
    lambda::{Plain, plain},
    outsend,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outsend::DIALECT, outsend::verify_email);
