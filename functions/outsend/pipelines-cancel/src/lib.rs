//! `POST /api/pipelines/{id}/cancel`: ends all active runs of a pipeline with their jobs (outsend 14.5).

use shared::{
    http::Response,
    model::{PipelineId, PipelineRun},
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        fields::object,
        messages::Detail,
        pipelines::{cancel as cancel_run, named, record, view},
        request_context::RequestContext,
    },
    store::{Ending, Store, StoreError},
};
use time::OffsetDateTime;

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE, |cx, caller| Box::pin(cancel(cx, caller)));

async fn cancel(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    object(&cx.request, false)?;
    let store = cx.context.store();
    let id = PipelineId::from_path(cx.path("pipeline")).ok_or(Detail::NoPipeline)?;
    let pipeline = store.pipeline(caller.account.user.id, id).await?.ok_or(Detail::NoPipeline)?;
    for run in store.active_runs(&pipeline).await? {
        end(store, run, cx.now).await?;
    }
    let (found, run) = named(cx).await.owned_by(cx, &caller)?;
    Ok(json_answer(200, &view(&found.pipeline, &run, Some(&found.definition))))
}

/// Ends a run: from here on it makes no job, and those that it has are cancelled.
async fn end(store: &Store, run: PipelineRun, now: OffsetDateTime) -> Result<(), StoreError> {
    let Some(run) = cancel_run(store, run, now).await? else { return Ok(()) };
    for job in run.open_jobs() {
        store.end_job(job, Ending::Cancelled, now).await?;
    }
    record(store, run.pipeline, run.number, now).await.map(|_| ())
}
