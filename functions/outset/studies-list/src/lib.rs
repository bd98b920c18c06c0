//! `GET /v1/studies/`: one page of the caller's studies (outset 8).

use shared::{
    lambda::{Plain, plain},
    outset,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outset::DIALECT, outset::list);
