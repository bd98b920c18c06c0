//! `POST /api/auth/login`: opens a session (outsend 6.2).

use shared::{
    http::Response,
    model::{Action, Email},
    outsend::{
        self, Endpoint,
        envelope::Problem,
        fields::{Fields, object},
        limits::{Policy, named_email},
        messages::Detail,
        request_context::RequestContext,
        sessions::new_session,
        users::account_answer,
    },
    password,
    store::ChangeWith,
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::guarded(env!("CARGO_PKG_NAME"), |cx| Box::pin(guard(cx)), |cx| Box::pin(log_in(cx)));

/// Attempts of an address of the network at an e-mail address (outsend 5.1).
const LOGIN: Policy = Policy::new("login", 5, 900);

async fn guard(cx: &RequestContext) -> Result<(), Problem> {
    cx.same_site()?;
    cx.check_rate_limit(LOGIN, format!("outsend/login/{}/{}", cx.address(), named_email(&cx.request))).await
}

async fn log_in(cx: &RequestContext) -> Result<Response, Problem> {
    let mut fields = Fields::new(object(&cx.request, true)?);
    let email = fields.trimmed("email", 1, Email::LONGEST);
    let password = fields.text("password", 1, 128);
    fields.finish()?;
    let store = cx.context.store();
    // what is no address is looked up like one that nobody has
    let email = Email::from_stored(email.unwrap_or_default().to_lowercase());
    let account = store.account_by_email(&email).await?;
    let stored = account.as_ref().and_then(|account| account.user.password.clone());
    let right = password::check(password.unwrap_or_default(), stored).await?;
    let Some(account) = account.filter(|_| right) else { return Err(Detail::BadCredentials.into()) };
    if !account.user.active {
        return Err(Detail::Deactivated.into());
    }
    let (session, cookie) = new_session(&account.user, cx.now)?;
    let audit = cx.record(Action::SignIn, &account.user);
    store.sign_in(ChangeWith { session: Some(session), audit: Some(audit), ..ChangeWith::default() }).await?;
    Ok(account_answer(cx, &account, &cookie))
}
