//! `DELETE /api/auth/account`: removes the account and all that hangs on it (outsend 6.2).

use shared::{
    api::outsend,
    serve::{Function, http},
};

/// The function.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    invoke: |context| http(env!("CARGO_PKG_NAME"), &outsend::DIALECT, context, outsend::delete_account),
};
