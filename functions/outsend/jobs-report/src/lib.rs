//! `GET /api/jobs/{id}/report`: the report of a placement check; no other job has one (outsend 12.16).

use shared::{
    http::Response,
    model::{JobStatus, Module},
    outsend::{
        self, PreloadedEndpoint,
        access::{Access, Caller},
        envelope::Problem,
        jobs::{NamedJob, named},
        messages::Detail,
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: PreloadedEndpoint<NamedJob> =
    outsend::preloaded(env!("CARGO_PKG_NAME"), Access::ANY, named, |cx, caller, job| Box::pin(report(cx, caller, job)));

async fn report(cx: &RequestContext, caller: Caller, job: NamedJob) -> Result<Response, Problem> {
    let job = job.owned_by(&caller)?;
    // no placement check can have been created as long as the module is not available
    if job.module == Module::DeliveryCheck && job.status_at(cx.now) == JobStatus::Expired {
        return Err(Detail::Purged.into());
    }
    Err(Detail::NoFile.into())
}
