//! What is routed nowhere (outset 4.3).

use shared::{
    api::outset,
    serve::{Function, http},
};

/// The function.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    invoke: |context| http(env!("CARGO_PKG_NAME"), &outset::DIALECT, context, outset::fallback),
};
