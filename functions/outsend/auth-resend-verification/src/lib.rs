//! `POST /api/auth/resend-verification`: sends the verification mail again (outsend 6.2).

mod page;

use shared::{
    http::Response,
    model::WorkKind,
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, done},
        fields::object,
        limits::Policy,
        messages::Detail,
        request_context::RequestContext,
        users::mail_work,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE.under(RESEND), |cx, caller| Box::pin(resend(cx, caller)))
        .with_form(&page::PAGE);

/// Requests of a user (outsend 5.1).
const RESEND: Policy = Policy::new("resend", 3, 3_600);

async fn resend(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let user = &caller.account.user;
    object(&cx.request, false)?;
    if user.verified {
        return Err(Detail::AlreadyVerified.into());
    }
    cx.context.store().queue(&mail_work(cx, WorkKind::Verify, &user.email), cx.now).await?;
    Ok(done())
}
