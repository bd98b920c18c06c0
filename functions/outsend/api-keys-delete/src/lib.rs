//! `DELETE /api/api-keys/{key_id}`: revokes an API key (outsend 6.5).

use shared::{
    api::outsend,
    serve::{Function, http},
};

/// The function.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    invoke: |context| http(env!("CARGO_PKG_NAME"), &outsend::DIALECT, context, outsend::delete_key),
};
