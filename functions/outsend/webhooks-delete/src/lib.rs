//! `DELETE /api/webhooks/{id}`: removes a webhook; what is on its way is dropped (outsend 16.1).

use shared::{
    http::Response,
    model::webhook_id,
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, done},
        fields::object,
        messages::Detail,
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE, |cx, caller| Box::pin(delete(cx, caller)));

async fn delete(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    object(&cx.request, false)?;
    let id = webhook_id(cx.path("webhook")).ok_or(Detail::NoWebhook)?;
    let deleted = cx.context.store().delete_webhook(caller.account.user.id, &id).await?;
    if deleted { Ok(done()) } else { Err(Detail::NoWebhook.into()) }
}
