//! `DELETE /api/api-keys/{key_id}`: revokes an API key (outsend 6.5).

use shared::{
    lambda::{Plain, plain},
    outsend,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outsend::DIALECT, outsend::delete_key);
