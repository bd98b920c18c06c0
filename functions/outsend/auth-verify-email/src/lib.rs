//! `POST /api/auth/verify-email`: verifies an address with the token of a mail (outsend 6.2).

use shared::{
    http::Response,
    model::{TokenKind, User},
    outsend::{
        self, Endpoint,
        envelope::{Problem, done},
        fields::{Fields, object},
        request_context::RequestContext,
        tokens::{count, redeem},
    },
    store::{ChangeWith, CurrentUser, UserUpdate},
};

/// The function.
pub const FUNCTION: Endpoint = outsend::guarded(env!("CARGO_PKG_NAME"), count, |cx| Box::pin(verify(cx)));

async fn verify(cx: &RequestContext) -> Result<Response, Problem> {
    let mut fields = Fields::new(object(&cx.request, true)?);
    let token = fields.text("token", 1, 128).unwrap_or_default();
    fields.finish()?;
    redeem(cx, &token, &TokenKind::Verify, &|current| Box::pin(std::future::ready(Ok(verified(current))))).await?;
    Ok(done())
}

fn verified(CurrentUser { account, .. }: CurrentUser) -> UserUpdate<()> {
    UserUpdate::change(User { verified: true, ..account.user }, ChangeWith::default(), ())
}
