//! Events on the wire (outsend 16.2): the same bytes in the feed and in every delivery.

use serde::Serialize;
use serde_json::value::RawValue;

use super::format::timestamp;
use crate::model::FeedEvent;

/// What an event can be, for who named another one.
pub const NAMES: &str = "job.completed, job.failed, job.cancelled, pipeline.completed, pipeline.failed, \
                         pipeline.cancelled, veille.run_completed";

/// An event's envelope.
#[derive(Debug, Serialize)]
pub struct Envelope {
    id: String,
    event: &'static str,
    created_at: String,
    data: Box<RawValue>,
}

impl Envelope {
    /// The envelope of an event.
    ///
    /// # Errors
    /// When its data is no JSON.
    pub fn of(event: &FeedEvent) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id: event.id.to_string(),
            event: event.name.as_str(),
            created_at: timestamp(event.at),
            data: RawValue::from_string(event.data.clone())?,
        })
    }
}
