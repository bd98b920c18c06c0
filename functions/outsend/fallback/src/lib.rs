//! What is routed nowhere: 404 and 405 (outsend 1).

use shared::{config::OutsendSettings, lambda::Storeless, outsend};

/// The function.
pub const FUNCTION: Storeless<OutsendSettings> = outsend::fallback(env!("CARGO_PKG_NAME"));
