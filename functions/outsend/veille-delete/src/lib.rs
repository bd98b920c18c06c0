//! `DELETE /api/veille/{id}`: a veille is shown no more and never runs again; its runs stay (outsend 15.2).

use shared::{
    http::Response,
    model::number_from_path,
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
    let id = number_from_path(cx.path("veille")).ok_or(Detail::NoMonitor)?;
    if cx.context.store().delete_veille(caller.account.user.id, id, cx.now).await? {
        Ok(done())
    } else {
        Err(Detail::NoMonitor.into())
    }
}
