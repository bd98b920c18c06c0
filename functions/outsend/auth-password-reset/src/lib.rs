//! `POST /api/auth/password/reset`: sets a new password with the token of a mail (outsend 6.2).

use shared::{
    http::Response,
    model::TokenKind,
    outsend::{
        self, Endpoint,
        envelope::{Problem, done},
        fields::{Fields, object},
        request_context::RequestContext,
        tokens::{count, redeem},
    },
    password,
    store::{ChangeWith, CurrentUser, UserUpdate},
};

/// The function.
pub const FUNCTION: Endpoint = outsend::guarded(env!("CARGO_PKG_NAME"), count, |cx| Box::pin(reset(cx)));

async fn reset(cx: &RequestContext) -> Result<Response, Problem> {
    let mut fields = Fields::new(object(&cx.request, true)?);
    let token = fields.text("token", 1, 128).unwrap_or_default();
    let new = fields.new_password("new_password").unwrap_or_default();
    let revoke = fields.optional_flag("revoke_credentials");
    fields.finish()?;
    redeem(cx, &token, &TokenKind::Reset, &|current| Box::pin(with_password(current, new.clone(), revoke))).await?;
    Ok(done())
}

/// The user with a new password: every sign-in ends, and who reads the mails has the address.
async fn with_password(current: CurrentUser, new: String, revoke: bool) -> Result<UserUpdate<()>, Problem> {
    let mut user = current.account.user;
    user.reset_password(password::hash(new).await?, revoke);
    Ok(UserUpdate::change(user, ChangeWith::default(), ()))
}
