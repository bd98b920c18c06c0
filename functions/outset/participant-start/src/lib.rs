//! `GET /interviews/public-surveys/{id}/start/`: a participant's way in (outset 14.1).

use shared::{
    api::outset,
    serve::{Function, http},
};

/// The function.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    invoke: |context| http(env!("CARGO_PKG_NAME"), &outset::DIALECT, context, outset::start),
};
