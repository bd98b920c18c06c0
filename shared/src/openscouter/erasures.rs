//! Requests to be forgotten, as their answers show them (openscouter 18).

use serde::Serialize;

use super::format::timestamp;
use crate::store::Erasure;

/// A request to be forgotten (openscouter 18).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErasureView {
    erasure_id: String,
    status: &'static str,
    acknowledged_at: String,
    due_at: String,
}

impl ErasureView {
    /// A request as the person who made it sees it.
    #[must_use]
    pub fn new(erasure: &Erasure) -> Self {
        Self::of(erasure, "acknowledged")
    }

    /// A request that was just withdrawn.
    #[must_use]
    pub fn withdrawn(erasure: &Erasure) -> Self {
        Self::of(erasure, "withdrawn")
    }

    fn of(erasure: &Erasure, status: &'static str) -> Self {
        Self {
            erasure_id: erasure.id.wire(),
            status,
            acknowledged_at: timestamp(erasure.acknowledged_at),
            due_at: timestamp(erasure.due_at),
        }
    }
}
