//! `GET /interviews/{session}/complete/`: a participant's way out (outset 14.2).

use shared::{
    lambda::{Plain, plain},
    outset,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outset::DIALECT, outset::complete);
