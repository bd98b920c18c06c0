//! Results as a file (outsend 9).

use std::io;

use bytes::Bytes;
use engine::export::{Encoder, Format};
use futures_util::{StreamExt as _, stream};

use super::{
    super::{
        access::Access,
        endpoint::answer,
        envelope::Problem,
        messages::{Detail, Fault},
        request_context::RequestContext,
    },
    owned,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{JobId, JobStatus},
    store::{Chunks, Store, StoreError},
};

/// `GET /api/jobs/{id}/download`
#[must_use]
pub fn download(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(download_now(cx)))
}

async fn download_now(cx: &RequestContext) -> Result<Response, Problem> {
    let (_, job) = owned(cx, Access::ANY).await?;
    let job = job?;
    let format = match cx.request.query.last("format") {
        None => Some(Format::Json),
        Some(text) => Format::parse(text),
    };
    let invalid = || Problem::Invalid(vec![("format".to_owned(), Fault::OneOf("csv, json, xlsx"))]);
    let format = format.ok_or_else(invalid)?;
    if job.status_at(cx.now) == JobStatus::Expired {
        return Err(Detail::Purged.into());
    }
    if !job.has_file(cx.now) {
        return Err(Detail::NotReady.into());
    }
    let store = cx.context.store();
    let columns = store.job_parameters(job.id).await?.ok_or(Detail::NoJob)?.columns;
    let name = format!("attachment; filename=\"{}_{}.{}\"", job.module.as_str(), job.id, format.extension());
    let file = File::new(store, job.id, job.results, format.encoder(&columns));
    Ok(Response::empty(200)
        .header("Content-Type", format.content_type())
        .header("Content-Disposition", name)
        .header("Cache-Control", "no-store")
        .stream(stream::unfold(file, |file| Box::pin(file.next())).boxed()))
}

/// A file on its way: one chunk of rows in memory at a time.
struct File {
    chunks: Chunks,
    total: u64,
    position: u64,
    encoder: Box<dyn Encoder>,
    place: Place,
}

enum Place {
    Before,
    Within,
    After,
}

impl File {
    fn new(store: &Store, job: JobId, total: u64, encoder: Box<dyn Encoder>) -> Self {
        Self { chunks: store.results(job), total, position: 0, encoder, place: Place::Before }
    }

    /// The next bytes. A failure cuts the answer off: no half file looks whole.
    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        match self.piece().await {
            Ok(piece) => piece.map(|piece| (Ok(piece), self)),
            Err(error) => {
                tracing::error!(cause = %error, "download cut off");
                self.place = Place::After;
                Some((Err(io::Error::other("cut off")), self))
            }
        }
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, StoreError> {
        loop {
            let piece = match self.place {
                Place::Before => {
                    self.place = Place::Within;
                    self.encoder.begin()
                }
                Place::Within if self.position < self.total => {
                    let mut rows = self.chunks.from(self.position).await?;
                    rows.truncate(usize::try_from(self.total - self.position).unwrap_or(usize::MAX));
                    if rows.is_empty() {
                        return Err(StoreError::Malformed { entity: "job", attribute: "rows" });
                    }
                    self.position += rows.len() as u64;
                    self.encoder.rows(&rows)
                }
                Place::Within => {
                    self.place = Place::After;
                    self.encoder.end()
                }
                Place::After => return Ok(None),
            };
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }
}
