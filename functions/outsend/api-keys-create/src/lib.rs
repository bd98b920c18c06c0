//! `POST /api/api-keys`: makes an API key (outsend 6.5).

use shared::{
    lambda::{Plain, plain},
    outsend,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outsend::DIALECT, outsend::create_key);
