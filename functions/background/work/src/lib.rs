//! What outlives a request: mails, lists, exports, deletions. Brought by the main table's stream, and by a sweep each minute.

use shared::{
    serve::{Function, background},
    work,
};

/// The function.
pub const FUNCTION: Function =
    Function { name: env!("CARGO_PKG_NAME"), invoke: |context| background(context, work::handle) };
