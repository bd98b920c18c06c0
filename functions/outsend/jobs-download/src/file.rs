//! A file on its way to the client: one chunk of rows in memory at a time (outsend 9.5).

use std::io;

use bytes::Bytes;
use engine::export::Encoder;
use futures_util::{StreamExt as _, stream};

use shared::{
    http::ByteStream,
    store::{Chunks, StoreError},
};

/// The rows that are left to send, and their encoder.
pub(crate) struct File {
    chunks: Chunks,
    total: u64,
    position: u64,
    encoder: Box<dyn Encoder>,
    part: Part,
}

/// The part of the file that comes next.
enum Part {
    Head,
    Rows,
    End,
}

impl File {
    /// The first `total` rows of `chunks`.
    pub(crate) fn new(chunks: Chunks, total: u64, encoder: Box<dyn Encoder>) -> Self {
        Self { chunks, total, position: 0, encoder, part: Part::Head }
    }

    /// Its bytes. A failure cuts them off: no half file looks whole.
    pub(crate) fn into_stream(self) -> ByteStream {
        stream::unfold(self, |file| Box::pin(file.next())).boxed()
    }

    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        match self.piece().await {
            Ok(piece) => piece.map(|piece| (Ok(piece), self)),
            Err(error) => {
                tracing::error!(cause = %error, "download cut off");
                self.part = Part::End;
                Some((Err(io::Error::other("cut off")), self))
            }
        }
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, StoreError> {
        loop {
            let piece = match self.part {
                Part::Head => {
                    self.part = Part::Rows;
                    self.encoder.begin()
                }
                Part::Rows if self.position < self.total => {
                    let mut rows = self.chunks.from(self.position).await?;
                    rows.truncate(usize::try_from(self.total - self.position).unwrap_or(usize::MAX));
                    if rows.is_empty() {
                        return Err(StoreError::Malformed { entity: "job", attribute: "rows" });
                    }
                    self.position += rows.len() as u64;
                    self.encoder.rows(&rows)
                }
                Part::Rows => {
                    self.part = Part::End;
                    self.encoder.end()
                }
                Part::End => return Ok(None),
            };
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }
}
