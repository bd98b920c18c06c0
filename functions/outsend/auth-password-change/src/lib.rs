//! `POST /api/auth/password/change`: changes the password and ends every other session (outsend 6.2).

use shared::{
    lambda::{Plain, plain},
    outsend,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outsend::DIALECT, outsend::change_password);
