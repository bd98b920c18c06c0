//! `DELETE /api/auth/account`: removes the account and all that hangs on it (outsend 6.2).

use shared::{
    http::Response,
    model::{Action, User},
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, done},
        fields::{Fields, object},
        messages::Detail,
        request_context::RequestContext,
    },
    password,
    store::{UserLookup, UserUpdate},
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::SESSION, |cx, caller| Box::pin(delete(cx, caller)));

async fn delete(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let mut fields = Fields::new(object(&cx.request, true)?);
    let password = fields.text("password", 1, 128).unwrap_or_default();
    fields.finish()?;
    let store = cx.context.store();
    let (user, organization) = (caller.account.user.id, caller.account.user.organization);
    let lookup = UserLookup::Known(caller.account);
    let rule = |user: User| Box::pin(deleted(cx, user, &password));
    let deleted = store.update_user(lookup, cx.now, &|current| rule(current.account.user)).await;
    deleted.map_err(|error| error.or_missing(|| Detail::AuthRequired.into()))?;
    // the work does it again if this does not come to its end
    if let Err(error) = store.erase_slice(user, organization, cx.now).await {
        tracing::warn!(cause = %error, "an account's removal is left to the work");
    }
    Ok(done().header("Set-Cookie", cx.set_cookie("")))
}

/// The user's deletion, when the password is right.
async fn deleted(cx: &RequestContext, user: User, password: &str) -> Result<UserUpdate<()>, Problem> {
    if !password::check(password.to_owned(), user.password.clone()).await? {
        return Err(Detail::WrongPassword.into());
    }
    let audit = cx.record(Action::ErasureCompleted, &user);
    Ok(UserUpdate::delete(user, audit, ()))
}
