//! What is routed nowhere (outset 4.3).

use shared::outset::{self, Nowhere};

/// The function.
pub const FUNCTION: Nowhere = outset::fallback(env!("CARGO_PKG_NAME"));
