//! What follows from changes of entities: waiting jobs start when a slot is free. Brought by the main table's stream.

use shared::{
    reactor,
    serve::{Function, background},
};

/// The function.
pub const FUNCTION: Function =
    Function { name: env!("CARGO_PKG_NAME"), invoke: |context| background(context, reactor::handle) };
