//! `DELETE /api/auth/account`: removes the account and all that hangs on it (outsend 6.2).

use shared::{
    attempts,
    http::Response,
    model::{Action, Owner, User},
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
    let known = caller.account.user.clone();
    let lookup = UserLookup::Known(Box::new(caller.account));
    let attempt = attempts::in_session(&cx.context, cx.attempt(), &known).await?;
    let rule = |user: User| Box::pin(deleted(cx, user, &password));
    let deleted = store.update_user(lookup, cx.now, &|current| rule(current.account.user)).await;
    match deleted.map_err(|error| error.or_missing(|| Detail::AuthRequired.into())) {
        Err(Problem::Detail(Detail::WrongPassword)) => {
            attempt.wrong(&known).await?;
            return Err(Detail::WrongPassword.into());
        }
        deleted => deleted?,
    }
    // the work does it again if this does not come to its end
    let windows = [Owner::User(user), Owner::Organization(organization), Owner::Email(&known.email.hash())];
    let erased = async {
        store.erase_slice(user, organization, cx.now).await?;
        cx.context.limits().forget(&windows.map(Owner::partition)).await
    };
    if let Err(error) = erased.await {
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
