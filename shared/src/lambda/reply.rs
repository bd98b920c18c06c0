//! What an invocation takes and answers.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::{Map, Value, json};

use crate::{
    BoxFuture,
    http::{ByteStream, Response},
};

/// What an invocation answers.
#[derive(Debug)]
pub enum Reply {
    /// JSON as a whole.
    Whole(Bytes),
    /// An HTTP answer whose body comes piece by piece.
    Streamed(Streamed),
}

/// An HTTP answer that is streamed.
pub struct Streamed {
    /// Status.
    pub status: u16,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// The body; an error cuts the answer off, so that no client takes it for a whole one.
    pub body: ByteStream,
}

impl std::fmt::Debug for Streamed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Streamed").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Reply {
    /// The JSON; nothing of a streamed answer.
    #[must_use]
    pub fn whole(self) -> Option<Bytes> {
        match self {
            Self::Whole(bytes) => Some(bytes),
            Self::Streamed(_) => None,
        }
    }
}

/// One invocation: the event's JSON in, the answer out. An error means that the invocation
/// itself failed and the platform may retry it; an HTTP function answers instead.
pub type Invoke = Arc<dyn Fn(Bytes) -> BoxFuture<'static, Result<Reply, InvokeError>> + Send + Sync>;

/// Why an invocation failed. The text is for the log.
#[derive(Clone, Debug, thiserror::Error)]
pub enum InvokeError {
    /// The function failed, or could not be run.
    #[error("{0}")]
    Failed(String),
    /// The function did not answer in time.
    #[error("timed out after {} s", .0.as_secs_f32())]
    TimedOut(Duration),
}

impl InvokeError {
    /// A failure with this cause.
    #[must_use]
    pub fn failed(cause: impl Into<String>) -> Self {
        Self::Failed(cause.into())
    }
}

/// The response as the function answers it: streamed, or as a REST API proxy response.
///
/// # Errors
/// When only a stream could carry it.
pub(super) fn reply(mut response: Response, streams: bool) -> Result<Reply, InvokeError> {
    // what cannot stand in a header line is left out rather than failing the answer
    let clean = |value: &str| value.chars().filter(|c| !c.is_control()).collect::<String>();
    let pieces = response.take_stream();
    if streams {
        let headers = response.headers.iter().map(|(name, value)| ((*name).to_owned(), clean(value))).collect();
        let whole = |body: String| stream::once(std::future::ready(Ok(Bytes::from(body)))).boxed();
        let body = pieces.unwrap_or_else(|| whole(response.body));
        return Ok(Reply::Streamed(Streamed { status: response.status, headers, body }));
    }
    if pieces.is_some() {
        return Err(InvokeError::failed("a streamed answer of a function that does not stream"));
    }
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in &response.headers {
        headers.insert((*name).to_owned(), json!([clean(value)]));
    }
    let response = json!({
        "statusCode": response.status,
        "multiValueHeaders": headers,
        "body": response.body,
        "isBase64Encoded": false,
    });
    Ok(Reply::Whole(Bytes::from(response.to_string())))
}
