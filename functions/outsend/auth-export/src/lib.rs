//! `GET /api/auth/export`: all that is kept of the caller (outsend 6.4).

use shared::{
    api::outsend,
    serve::{Function, http},
};

/// The function.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    invoke: |context| http(env!("CARGO_PKG_NAME"), &outsend::DIALECT, context, outsend::export),
};
