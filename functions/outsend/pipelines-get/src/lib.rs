//! `GET /api/pipelines/{id}`: a pipeline with a run of it (outsend 14.5).

use shared::{
    http::Response,
    outsend::{
        self, PreloadedEndpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        pipelines::{Named, named, view},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: PreloadedEndpoint<Named> =
    outsend::preloaded(env!("CARGO_PKG_NAME"), Access::ANY, named, |cx, caller, named| {
        Box::pin(get(cx, caller, named))
    });

async fn get(cx: &RequestContext, caller: Caller, named: Named) -> Result<Response, Problem> {
    let (found, run) = named.owned_by(cx, &caller)?;
    Ok(json_answer(200, &view(&found.pipeline, &run, Some(&found.definition))))
}
