//! `GET /api/feedback/{id}`: one thread with its messages (outsend 17).

use shared::{
    http::Response,
    outsend::{
        self, PreloadedEndpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        feedback::{NamedThread, named, whole},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: PreloadedEndpoint<NamedThread> =
    outsend::preloaded(env!("CARGO_PKG_NAME"), Access::ANY, named, |cx, caller, thread| {
        Box::pin(get(cx, caller, thread))
    });

async fn get(_: &RequestContext, caller: Caller, thread: NamedThread) -> Result<Response, Problem> {
    Ok(json_answer(200, &whole(&thread.owned_by(&caller)?)))
}
