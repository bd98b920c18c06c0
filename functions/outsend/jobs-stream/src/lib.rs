//! `GET /api/jobs/{id}/stream`: a job's progress, live (outsend 10).

use shared::{
    api::outsend,
    serve::{Function, streaming},
};

/// The function.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    invoke: |context| streaming(env!("CARGO_PKG_NAME"), &outsend::DIALECT, context, outsend::stream),
};
