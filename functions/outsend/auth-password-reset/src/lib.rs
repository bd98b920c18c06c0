//! `POST /api/auth/password/reset`: sets a new password with the token of a mail (outsend 6.2).

mod page;

use shared::{
    http::Response,
    model::{Action, TokenKind},
    outsend::{
        self, Endpoint,
        envelope::{Problem, done},
        fields::{Fields, check_password, object},
        request_context::RequestContext,
        tokens::{count, redeem},
    },
    password,
    store::{ChangeWith, CurrentUser, UserUpdate},
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::guarded(env!("CARGO_PKG_NAME"), count, |cx| Box::pin(reset(cx))).with_form(&page::PAGE);

async fn reset(cx: &RequestContext) -> Result<Response, Problem> {
    let mut fields = Fields::new(object(&cx.request, true)?);
    let token = fields.text("token", 1, 128).unwrap_or_default();
    let new = fields.new_password("new_password", None).unwrap_or_default();
    let revoke = fields.optional_flag("revoke_credentials");
    fields.finish()?;
    let rule = |current| Box::pin(with_password(cx, current, new.clone(), revoke));
    redeem(cx, &token, &TokenKind::Reset, &|current| rule(current)).await?;
    Ok(done())
}

/// The user with a new password: every sign-in ends, and who reads the mails has the address.
async fn with_password(
    cx: &RequestContext,
    current: CurrentUser,
    new: String,
    revoke: bool,
) -> Result<UserUpdate<()>, Problem> {
    let mut user = current.account.user;
    if let Err(fault) = check_password(&new, Some(&user.email)) {
        return Err(Problem::Invalid(vec![("new_password".to_owned(), fault)]));
    }
    user.reset_password(password::hash(new).await?, revoke);
    let audit = Some(cx.record(Action::PasswordReset, &user));
    Ok(UserUpdate::change(user, ChangeWith { audit, ..ChangeWith::default() }, ()))
}
