//! `GET /v1/schema/`: the OpenAPI document (outset 11).

use shared::{
    lambda::{Plain, plain},
    outset,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outset::DIALECT, outset::schema);
