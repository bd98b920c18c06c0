//! `GET /api/jobs/{id}/download`: a job's rows as a file (outsend 9).

use std::io;

use engine::export::{Format, Rows, file};
use futures_util::{StreamExt as _, future::join, stream};
use shared::{
    http::Response,
    model::JobStatus,
    outsend::{
        self, PreloadedEndpoint,
        access::{Access, Caller},
        envelope::Problem,
        jobs::{NamedJob, named},
        messages::{Detail, Fault},
        request_context::RequestContext,
        streams::{hold, holding},
    },
    store::{Chunks, Lasting, StoreError},
};

/// The function.
pub const FUNCTION: PreloadedEndpoint<NamedJob> =
    outsend::preloaded(env!("CARGO_PKG_NAME"), Access::ANY, named, |cx, caller, job| {
        Box::pin(download(cx, caller, job))
    })
    .streaming();

async fn download(cx: &RequestContext, caller: Caller, job: NamedJob) -> Result<Response, Problem> {
    let job = job.owned_by(&caller)?;
    if job.status_at(cx.now) == JobStatus::Expired {
        return Err(Detail::Purged.into());
    }
    if !job.has_file(cx.now) {
        return Err(Detail::NotReady.into());
    }
    let format = match cx.request.query.last("format") {
        None => Some(Format::Json),
        Some(text) => Format::parse(text),
    };
    let invalid = || Problem::Invalid(vec![("format".to_owned(), Fault::OneOf("csv, json, xlsx"))]);
    let format = format.ok_or_else(invalid)?;
    let store = cx.context.store();
    let columns = store.job_parameters(job.id);
    let (columns, held) = join(columns, hold(cx, &caller, Lasting::Download)).await;
    let (columns, held) = (columns?.ok_or(Detail::NoJob)?.columns, held?);
    let name = format!("attachment; filename=\"{}_{}.{}\"", job.module.as_str(), job.id, format.extension());
    let file = file(format.encoder(&columns), rows(store.results(job.id), job.results));
    let file = file.map(|piece| piece.inspect_err(|error| tracing::error!(cause = %error, "download cut off")));
    let file = file.map(|piece| piece.map_err(io::Error::other)).boxed();
    Ok(Response::empty(200)
        .header("Content-Type", format.content_type())
        .header("Content-Disposition", name)
        .header("Cache-Control", "no-store")
        .stream(holding(held, file)))
}

/// The first `total` rows of `chunks`, one chunk at a time.
fn rows(chunks: Chunks, total: u64) -> Rows<StoreError> {
    let step = move |(chunks, position): (Chunks, u64)| async move {
        if position >= total {
            return Ok(None);
        }
        let mut rows = chunks.from(position).await?;
        rows.truncate(usize::try_from(total - position).unwrap_or(usize::MAX));
        if rows.is_empty() {
            return Err(StoreError::Malformed { entity: "job", attribute: "rows" });
        }
        let next = position + rows.len() as u64;
        Ok(Some((rows, (chunks, next))))
    };
    stream::try_unfold((chunks, 0), step).boxed()
}
