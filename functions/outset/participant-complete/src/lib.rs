//! `GET /interviews/{session}/complete/`: a participant's way out (outset 14.2).

use shared::{
    api::outset,
    serve::{Function, http},
};

/// The function.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    invoke: |context| http(env!("CARGO_PKG_NAME"), &outset::DIALECT, context, outset::complete),
};
