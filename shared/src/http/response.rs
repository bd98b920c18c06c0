//! The answer that goes back to the gateway.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::stream::BoxStream;

/// Bytes piece by piece.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// An answer; what goes into the log beside it never reaches the client.
#[derive(Debug)]
pub struct Response {
    /// Status.
    pub status: u16,
    /// Headers in order.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: String,
    /// Cause of a failure, for the log only.
    pub cause: Option<String>,
    /// What comes in place of the body, piece by piece; only functions that stream can send it.
    pub stream: Option<Pieces>,
}

/// A body that comes piece by piece. The lock is never waited for: it lets answers be shared like other values.
pub struct Pieces(Mutex<ByteStream>);

impl std::fmt::Debug for Pieces {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Pieces(…)")
    }
}

impl Response {
    /// An answer without a body.
    #[must_use]
    pub const fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new(), cause: None, stream: None }
    }

    /// Sets a header, in place of an older value.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name, value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a body that comes piece by piece.
    #[must_use]
    pub fn stream(mut self, pieces: ByteStream) -> Self {
        self.stream = Some(Pieces(Mutex::new(pieces)));
        self
    }

    /// Takes out what comes in place of the body; `None` when the body is whole.
    pub(crate) fn take_stream(&mut self) -> Option<ByteStream> {
        let Pieces(pieces) = self.stream.take()?;
        Some(pieces.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}
