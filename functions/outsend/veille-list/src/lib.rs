//! `GET /api/veille`: the caller's active and paused veilles, newest first (outsend 15.2).

use serde::Serialize;

use shared::{
    http::Response,
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        request_context::RequestContext,
        veilles::{VeilleView, view},
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE, |cx, caller| Box::pin(list(cx, caller)));

#[derive(Serialize)]
struct Veilles<'a> {
    items: Vec<VeilleView<'a>>,
}

async fn list(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let veilles = cx.context.store().veilles(caller.account.user.id).await?;
    Ok(json_answer(200, &Veilles { items: veilles.iter().map(view).collect() }))
}
