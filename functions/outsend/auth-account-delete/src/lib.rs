//! `DELETE /api/auth/account`: removes the account and all that hangs on it (outsend 6.2).

use shared::{
    lambda::{Plain, plain},
    outsend,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outsend::DIALECT, outsend::delete_account);
