//! `DELETE /api/jobs/{id}`: removes a job that has ended, with its rows (outsend 8.1).

use shared::{
    http::Response,
    outsend::{
        self, PreloadedEndpoint,
        access::{Access, Caller},
        envelope::{Problem, done},
        fields::object,
        jobs::{NamedJob, named},
        messages::Detail,
        pipelines::record,
        request_context::RequestContext,
    },
    store::Removal,
};

/// The function.
pub const FUNCTION: PreloadedEndpoint<NamedJob> =
    outsend::preloaded(env!("CARGO_PKG_NAME"), Access::ACTIVE, named, |cx, caller, job| {
        Box::pin(delete(cx, caller, job))
    });

async fn delete(cx: &RequestContext, caller: Caller, job: NamedJob) -> Result<Response, Problem> {
    object(&cx.request, false)?;
    let job = job.owned_by(&caller)?;
    if let Some((pipeline, run)) = job.run {
        // its node keeps what it came to
        record(cx.context.store(), pipeline, run, cx.now).await?;
    }
    match cx.context.store().remove_job(job, cx.now).await? {
        Removal::Removed => Ok(done()),
        Removal::StillActive => Err(Detail::JobActive.into()),
        Removal::Gone => Err(Detail::NoJob.into()),
    }
}
