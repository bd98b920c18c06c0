//! `GET /api/webhooks`: the caller's webhooks, oldest first (outsend 16.1).

use serde::Serialize;

use shared::{
    http::Response,
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        request_context::RequestContext,
        webhooks::{WebhookView, view},
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ANY, |cx, caller| Box::pin(list(cx, caller)));

#[derive(Serialize)]
struct Webhooks<'a> {
    webhooks: Vec<WebhookView<'a>>,
}

async fn list(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let webhooks = cx.context.store().webhooks(caller.account.user.id).await?;
    Ok(json_answer(200, &Webhooks { webhooks: webhooks.iter().map(view).collect() }))
}
