//! What is routed nowhere (outset 4.3).

use shared::{lambda::Storeless, outset};

/// The function.
pub const FUNCTION: Storeless<()> = outset::fallback(env!("CARGO_PKG_NAME"));
