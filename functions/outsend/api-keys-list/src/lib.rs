//! `GET /api/api-keys`: the caller's API keys (outsend 6.5).

use serde::Serialize;

use shared::{
    http::Response,
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        keys::{KeyView, view},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::SESSION, |cx, caller| Box::pin(list(cx, caller)));

#[derive(Serialize)]
struct Keys<'a> {
    api_keys: Vec<KeyView<'a>>,
}

async fn list(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let keys = cx.context.store().keys_of_user(&caller.account.user, cx.now).await?;
    Ok(json_answer(200, &Keys { api_keys: keys.iter().map(view).collect() }))
}
