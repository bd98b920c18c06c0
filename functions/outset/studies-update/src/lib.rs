//! `PATCH /v1/studies/{id}/`: changes a study (outset 10).

use shared::{
    api::outset,
    serve::{Function, http},
};

/// The function.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    invoke: |context| http(env!("CARGO_PKG_NAME"), &outset::DIALECT, context, outset::update),
};
