//! `GET /api/me/exports/:id/download`: an export's content (openscouter 18).

use shared::{
    api::openscouter,
    serve::{Function, streaming},
};

/// The function.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    invoke: |context| streaming(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, context, openscouter::download_export),
};
