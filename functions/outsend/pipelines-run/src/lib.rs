//! `POST /api/pipelines/{id}/run`: another run of a pipeline (outsend 14.5).

use serde_json::value::RawValue;

use shared::{
    http::Response,
    model::{Module, PipelineId, Trigger},
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        fields::object,
        limits::JOBS,
        messages::Detail,
        pipelines::{read, start_run, view},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE.under(JOBS), |cx, caller| Box::pin(run(cx, caller)));

async fn run(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    object(&cx.request, false)?;
    let (store, account) = (cx.context.store(), &caller.account);
    let id = PipelineId::from_path(cx.path("pipeline")).ok_or(Detail::NoPipeline)?;
    let (pipeline, definition) =
        futures_util::future::join(store.pipeline(account.user.id, id), store.definition(id)).await;
    let (Some(_), Some(definition)) = (pipeline?, definition?) else { return Err(Detail::NoPipeline.into()) };
    // only the definition tells whether the address must be verified (outsend 4.4)
    let searches = read(&definition).is_some_and(|read| read.nodes.iter().any(|node| node.module == Module::Scrap));
    if searches && !account.user.verified {
        return Err(Detail::Unverified.into());
    }
    let start = start_run(&cx.context, &engine::Rules, account, (id, &definition), Trigger::Manual);
    let (pipeline, run) = start.await?;
    let shown: &RawValue = serde_json::from_str(&definition).map_err(|error| Problem::Crash(error.to_string()))?;
    Ok(json_answer(200, &view(&pipeline, &run, Some(shown))))
}
