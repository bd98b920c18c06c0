//! What became of an event that was sent to a receiver (outsend 16.2).

/// What became of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Posted {
    /// The status, when there was an answer.
    pub status: Option<u16>,
    /// Why there was none.
    pub error: Option<String>,
    /// The seconds of `Retry-After`, when the answer has one.
    pub retry_after: Option<u64>,
}
