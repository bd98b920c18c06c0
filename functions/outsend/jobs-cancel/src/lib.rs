//! `POST /api/jobs/{id}/cancel`: ends a job at once (outsend 7.4, 8.1).

use shared::{
    http::Response,
    model::JobStatus,
    outsend::{
        self, PreloadedEndpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        fields::object,
        jobs::{NamedJob, named, view},
        messages::Detail,
        request_context::RequestContext,
    },
    store::Ending,
};

/// The function.
pub const FUNCTION: PreloadedEndpoint<NamedJob> =
    outsend::preloaded(env!("CARGO_PKG_NAME"), Access::ACTIVE, named, |cx, caller, job| {
        Box::pin(cancel(cx, caller, job))
    });

async fn cancel(cx: &RequestContext, caller: Caller, job: NamedJob) -> Result<Response, Problem> {
    object(&cx.request, false)?;
    let job = job.owned_by(&caller)?;
    let ended = cx.context.store().end_job(job.id, Ending::Cancelled, cx.now).await?.ok_or(Detail::NoJob)?;
    match ended.status_at(cx.now) {
        JobStatus::Cancelled => Ok(json_answer(200, &view(&ended, cx.now))),
        status => Err(Detail::JobEnded(status.as_str()).into()),
    }
}
