//! `GET /api/jobs/{id}/download`: a job's rows as a file (outsend 9).

use shared::{
    api::outsend,
    serve::{Function, streaming},
};

/// The function.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    invoke: |context| streaming(env!("CARGO_PKG_NAME"), &outsend::DIALECT, context, outsend::download),
};
