//! Files that jobs find and keep for their owner (outsend 8.5).

use crate::{BoxFuture, Fault};

/// Where what a job finds is kept for its owner.
pub trait Assets: Send + Sync {
    /// Keeps a file under the name that its content gives it; the path that it is served from. Safe to do twice.
    fn keep(&self, content: Vec<u8>, ending: &'static str) -> BoxFuture<'_, Result<String, Fault>>;
}
