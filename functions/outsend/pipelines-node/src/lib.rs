//! `GET /api/pipelines/{id}/nodes/{node_id}`: a node of a run, with its job (outsend 14.5).

use serde::Serialize;
use serde_json::{Map, Value};

use shared::{
    http::Response,
    outsend::{
        self, PreloadedEndpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        jobs::{self, JobView},
        messages::Detail,
        pipelines::{Named, NodeView, named, node_view, read},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: PreloadedEndpoint<Named> =
    outsend::preloaded(env!("CARGO_PKG_NAME"), Access::ANY, named, |cx, caller, named| {
        Box::pin(get(cx, caller, named))
    });

#[derive(Serialize)]
struct NodeAnswer<'a> {
    #[serde(flatten)]
    node: NodeView<'a>,
    config: Map<String, Value>,
    job: Option<JobView<'a>>,
}

async fn get(cx: &RequestContext, caller: Caller, named: Named) -> Result<Response, Problem> {
    let (mut found, run) = named.owned_by(cx, &caller)?;
    let wanted = cx.path("node");
    let node = run.nodes.iter().find(|node| node.id == wanted).ok_or(Detail::NoNode)?;
    let definition = read(found.definition.get()).ok_or_else(|| Problem::Crash("no definition".to_owned()))?;
    let known = definition.nodes.into_iter().find(|node| node.id == wanted).ok_or(Detail::NoNode)?;
    let job = match node.job {
        Some(id) => match found.jobs.remove(&id) {
            Some(job) => Some(job),
            None => cx.context.store().job(caller.account.user.id, id).await?,
        },
        None => None,
    };
    let job = job.as_ref().map(|job| jobs::view(job, cx.now));
    Ok(json_answer(200, &NodeAnswer { node: node_view(node), config: known.config, job }))
}
