//! `POST /api/webhooks/:source`: events that another service sends (openscouter 16.3).

use shared::{
    api::openscouter,
    serve::{Function, http},
};

/// The function.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    invoke: |context| http(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, context, openscouter::webhook),
};
