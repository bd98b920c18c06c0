//! What is routed nowhere, and every preflight (openscouter 2.4, 2.9).

use shared::openscouter::{self, Endpoint};

/// The function.
pub const FUNCTION: Endpoint = openscouter::fallback(env!("CARGO_PKG_NAME"));
