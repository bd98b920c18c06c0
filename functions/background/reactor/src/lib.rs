//! What follows from changes of entities: waiting jobs start when a slot is free. Brought by the main table's stream.

use shared::{
    lambda::{Background, background},
    reactor,
};

/// The function.
pub const FUNCTION: Background = background(env!("CARGO_PKG_NAME"), reactor::handle);
