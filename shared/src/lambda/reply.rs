//! What an invocation takes and answers.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde::{Serialize, Serializer};

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
    let headers = response.headers.iter().map(|(name, value)| (*name, [clean(value)])).collect();
    let response = ProxyResponse {
        status_code: response.status,
        multi_value_headers: Headers(headers),
        body: &response.body,
        is_base64_encoded: false,
    };
    let json = serde_json::to_vec(&response).map_err(|error| InvokeError::failed(error.to_string()))?;
    Ok(Reply::Whole(Bytes::from(json)))
}

/// A REST API proxy response. The one of `lambda_http` holds a `HeaderMap`, which writes names in lower case, and the
/// gateway hands names to the client as they stand here.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProxyResponse<'a> {
    status_code: u16,
    multi_value_headers: Headers,
    body: &'a str,
    is_base64_encoded: bool,
}

/// Headers in order, each with its values.
struct Headers(Vec<(&'static str, [String; 1])>);

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, values)| (name, values)))
    }
}
