//! `GET /v1/studies/{id}/`: one study of the caller's organization (outset 6).

use shared::{
    lambda::{Plain, plain},
    outset,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outset::DIALECT, outset::retrieve);
