//! What is routed nowhere, and every preflight (openscouter 2.4, 2.9).

use shared::{config::Pages, lambda::Storeless, openscouter};

/// The function.
pub const FUNCTION: Storeless<Pages> = openscouter::fallback(env!("CARGO_PKG_NAME"));
