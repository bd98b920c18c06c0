//! `PATCH /api/me/profile`: changes the tester's profile (openscouter 18).

use shared::{
    api::openscouter,
    serve::{Function, http},
};

/// The function.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    invoke: |context| http(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, context, openscouter::update_profile),
};
