//! `POST /api/auth/verify-email`: verifies an address with the token of a mail (outsend 6.2).

use shared::{
    api::outsend,
    serve::{Function, http},
};

/// The function.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    invoke: |context| http(env!("CARGO_PKG_NAME"), &outsend::DIALECT, context, outsend::verify_email),
};
