//! `PATCH /v1/studies/{id}/`: changes a study (outset 10).

use shared::{
    lambda::{Plain, plain},
    outset,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outset::DIALECT, outset::update);
