//! `GET /api/jobs/{id}`: one job (outsend 8.1).

use shared::{
    http::Response,
    outsend::{
        self, PreloadedEndpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        jobs::{NamedJob, named, view},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: PreloadedEndpoint<NamedJob> =
    outsend::preloaded(env!("CARGO_PKG_NAME"), Access::ANY, named, |cx, caller, job| Box::pin(get(cx, caller, job)));

async fn get(cx: &RequestContext, caller: Caller, job: NamedJob) -> Result<Response, Problem> {
    let job = job.owned_by(&caller)?;
    Ok(json_answer(200, &view(&job, cx.now)))
}
