//! `GET /v1/studies/{id}/`: one study of the caller's organization (outset 6).

use shared::{
    api::outset,
    serve::{Function, http},
};

/// The function.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    invoke: |context| http(env!("CARGO_PKG_NAME"), &outset::DIALECT, context, outset::retrieve),
};
