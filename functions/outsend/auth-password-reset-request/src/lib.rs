//! `POST /api/auth/password/reset-request`: asks for a mail that sets a new password (outsend 6.2).

mod page;

use shared::{
    http::Response,
    limits,
    model::{Email, Owner, WorkKind},
    outsend::{
        self, Endpoint,
        envelope::{Problem, done},
        fields::{Fields, object},
        limits::{Policy, named_email},
        request_context::RequestContext,
        users::mail_work,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::guarded(env!("CARGO_PKG_NAME"), |cx| Box::pin(guard(cx)), |cx| Box::pin(request(cx)))
        .with_form(&page::PAGE);

/// Requests of an address of the network for an e-mail address (outsend 5.1).
const RESET: Policy = Policy::new("reset", 3, 3_600);

async fn guard(cx: &RequestContext) -> Result<(), Problem> {
    let bucket = limits::of(Owner::Email(&named_email(&cx.request)), &format!("outsend/reset/{}", cx.address()));
    cx.check_rate_limit(RESET, bucket).await
}

async fn request(cx: &RequestContext) -> Result<Response, Problem> {
    let mut fields = Fields::new(object(&cx.request, true)?);
    let email = fields.parsed("email", Email::parse);
    fields.finish()?;
    if let Some(email) = email {
        // whether anybody has the address is found out when the mail is made, so every answer costs the same
        cx.context.store().queue(&mail_work(cx, WorkKind::Reset, &email), cx.now).await?;
    }
    Ok(done())
}
