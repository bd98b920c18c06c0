//! What is routed nowhere: 404 and 405 (outsend 1).

use shared::outsend::{self, Endpoint};

/// The function.
pub const FUNCTION: Endpoint = outsend::fallback(env!("CARGO_PKG_NAME"));
