//! Events that other services send (openscouter 16.3).

use serde_json::Value;

use super::EventId;

/// An event.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookEvent {
    /// Our id.
    pub id: EventId,
    /// Who sent it.
    pub source: String,
    /// The sender's id; the same one is the same event.
    pub key: String,
    /// What it tells of.
    pub kind: String,
    /// What it says.
    pub data: Value,
}
