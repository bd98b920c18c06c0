//! `GET /interviews/public-surveys/{id}/start/`: a participant's way in (outset 14.1).

use shared::{
    lambda::{Plain, plain},
    outset,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outset::DIALECT, outset::start);
