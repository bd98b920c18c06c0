//! `DELETE /api/pipelines/{id}`: removes a pipeline with its runs; their jobs stay (outsend 14.5).

use shared::{
    http::Response,
    model::PipelineId,
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, done},
        fields::object,
        messages::Detail,
        request_context::RequestContext,
    },
    store::PipelineRemoval,
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE, |cx, caller| Box::pin(delete(cx, caller)));

async fn delete(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    object(&cx.request, false)?;
    let id = PipelineId::from_path(cx.path("pipeline")).ok_or(Detail::NoPipeline)?;
    match cx.context.store().remove_pipeline(caller.account.user.id, id, cx.now).await? {
        PipelineRemoval::Removed => Ok(done()),
        PipelineRemoval::StillActive => Err(Detail::PipelineActive.into()),
        PipelineRemoval::Watched(veille) => Err(Detail::PipelineInUse(veille).into()),
        PipelineRemoval::Gone => Err(Detail::NoPipeline.into()),
    }
}
