//! `POST /api/cron/:job`: a job that a scheduler starts (openscouter 20).

use shared::{
    api::openscouter,
    serve::{Function, http},
};

/// The function.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    invoke: |context| http(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, context, openscouter::cron),
};
