//! `GET /api/auth/oauth/:provider/start`: sends a browser to a log-in provider (openscouter 7).

use shared::{
    api::openscouter,
    serve::{Function, http},
};

/// The function.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    invoke: |context| http(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, context, openscouter::provider_start),
};
