//! `POST /api/auth/password/change`: changes the password and ends every other session (outsend 6.2).

use shared::{
    attempts,
    http::Response,
    model::{Account, Action, WorkKind},
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::Problem,
        fields::{Fields, object},
        limits::Policy,
        messages::{Detail, Fault},
        request_context::RequestContext,
        sessions::new_session,
        users::{account_answer, mail_work},
    },
    password::{self, PasswordHash},
    store::{ChangeWith, Network, UserLookup, UserUpdate},
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE_SESSION.under(PASSWORD_CHANGE), |cx, caller| {
        Box::pin(change(cx, caller))
    });

/// Attempts of a user (outsend 5.1).
const PASSWORD_CHANGE: Policy = Policy::new("pwchange", 5, 3_600);

async fn change(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let mut fields = Fields::new(object(&cx.request, true)?);
    let current = fields.text("current_password", 1, 128);
    let new = fields.new_password("new_password", Some(&caller.account.user.email));
    if new.is_some() && new == current {
        fields.fault("new_password", Fault::Format);
    }
    let revoke = fields.optional_flag("revoke_credentials");
    fields.finish()?;
    let current = current.unwrap_or_default();
    let known = caller.account.user.clone();
    let attempt = attempts::in_session(&cx.context, cx.attempt(), &known).await?;
    let hash = password::hash(new.unwrap_or_default()).await?;
    let rule = |user: Account| Box::pin(changed(cx, user, &current, (&hash, revoke)));
    let store = cx.context.store();
    let changed =
        store.update_user(UserLookup::Known(Box::new(caller.account)), cx.now, &|user| rule(user.account)).await;
    match changed.map_err(|error| error.or_missing(|| Detail::AuthRequired.into())) {
        Err(Problem::Detail(Detail::WrongPassword)) => {
            attempt.wrong(&known).await?;
            Err(Detail::WrongPassword.into())
        }
        changed => {
            let (account, cookie) = changed?;
            attempt.right().await?;
            Ok(account_answer(cx, &account, &cookie))
        }
    }
}

/// The account with its new password, and the cookie of the one session that it has from now on.
async fn changed(
    cx: &RequestContext,
    account: Account,
    current: &str,
    (new, revoke): (&PasswordHash, bool),
) -> Result<UserUpdate<(Account, String)>, Problem> {
    let Account { mut user, organization } = account;
    if !password::check(current.to_owned(), user.password.clone()).await? {
        return Err(Detail::WrongPassword.into());
    }
    user.password = Some(new.clone());
    if revoke {
        user.end_credentials()
    } else {
        user.end_sign_ins()
    }
    let (session, cookie) = new_session(&user, cx.now)?;
    let notice = mail_work(cx, WorkKind::PasswordChanged, &user.email);
    let audit = cx.record(Action::PasswordChanged, &user);
    let with = ChangeWith {
        session: Some(session),
        work: Some((notice, cx.now)),
        audit: Some(audit),
        network: Network::of(&user, cx.address(), cx.now),
        ..ChangeWith::default()
    };
    Ok(UserUpdate::change(user.clone(), with, (Account { user, organization }, cookie)))
}
