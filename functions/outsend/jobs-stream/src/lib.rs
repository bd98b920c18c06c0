//! `GET /api/jobs/{id}/stream`: a job's progress, live (outsend 10).

mod event;
mod watch;

use shared::{
    http::Response,
    outsend::{
        self, PreloadedEndpoint,
        access::{Access, Caller},
        authentication::PresentedCredential,
        envelope::Problem,
        jobs::{NamedJob, named},
        messages::Detail,
        request_context::RequestContext,
        streams::{hold, holding},
    },
    store::Lasting,
};

use self::watch::Watch;

/// The function.
pub const FUNCTION: PreloadedEndpoint<NamedJob> =
    outsend::preloaded(env!("CARGO_PKG_NAME"), Access::ANY, named, |cx, caller, job| Box::pin(stream(cx, caller, job)))
        .streaming();

async fn stream(cx: &RequestContext, caller: Caller, job: NamedJob) -> Result<Response, Problem> {
    let job = job.owned_by(&caller)?;
    let last = cx.request.header("last-event-id").and_then(|text| text.trim().parse::<u64>().ok());
    let credential = PresentedCredential::read(&cx.request).ok_or(Detail::AuthRequired)?;
    let seen = last.unwrap_or(job.log_last).min(job.log_last);
    let held = hold(cx, &caller, Lasting::Stream).await?;
    let watch = Watch::new(cx.context.clone(), credential, job, seen, cx.language);
    Ok(Response::empty(200)
        .header("Content-Type", "text/event-stream")
        .header("Cache-Control", "no-cache, no-transform")
        .header("X-Accel-Buffering", "no")
        .stream(holding(held, watch.into_stream(cx.now))))
}
