//! `GET /api/auth/callback`: the provider's answer (openscouter 7).

use shared::{
    api::openscouter,
    serve::{Function, http},
};

/// The function.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    invoke: |context| http(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, context, openscouter::provider_callback),
};
