//! `POST /api/auth/password/reset`: sets a new password with the token of a mail (outsend 6.2).

use shared::{
    http::Response,
    model::{Action, TokenKind, User},
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
pub const FUNCTION: Endpoint = outsend::guarded(env!("CARGO_PKG_NAME"), count, |cx| Box::pin(reset(cx)));

async fn reset(cx: &RequestContext) -> Result<Response, Problem> {
    let mut fields = Fields::new(object(&cx.request, true)?);
    let token = fields.text("token", 1, 128).unwrap_or_default();
    let new = fields.new_password("new_password", None).unwrap_or_default();
    fields.finish()?;
    redeem(cx, &token, &TokenKind::Reset, &|current| Box::pin(with_password(cx, current, new.clone()))).await?;
    Ok(done())
}

/// The user with a new password: every session ends, and who reads the mails has the address.
async fn with_password(cx: &RequestContext, current: CurrentUser, new: String) -> Result<UserUpdate<()>, Problem> {
    let user = current.account.user;
    if let Err(fault) = check_password(&new, Some(&user.email)) {
        return Err(Problem::Invalid(vec![("new_password".to_owned(), fault)]));
    }
    let password = Some(password::hash(new).await?);
    let user = User { password, generation: user.generation + 1, verified: true, ..user };
    let audit = Some(cx.record(Action::PasswordReset, &user));
    Ok(UserUpdate::change(user, ChangeWith { audit, ..ChangeWith::default() }, ()))
}
