//! `GET /api/jobs/{id}/report`: the report of a placement check (outsend 12.16).

use shared::{
    api::outsend,
    serve::{Function, http},
};

/// The function.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    invoke: |context| http(env!("CARGO_PKG_NAME"), &outsend::DIALECT, context, outsend::report),
};
