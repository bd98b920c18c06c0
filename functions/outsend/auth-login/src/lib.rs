//! `POST /api/auth/login`: opens a session (outsend 6.2).

mod page;

use shared::{
    attempts,
    http::Response,
    limits,
    model::{Action, Email, Owner},
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
    store::{ChangeWith, Network},
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::guarded(env!("CARGO_PKG_NAME"), |cx| Box::pin(guard(cx)), |cx| Box::pin(log_in(cx)))
        .with_form(&page::PAGE);

/// Attempts of an address of the network at an e-mail address (outsend 5.1).
const LOGIN: Policy = Policy::new("login", 5, 900);

async fn guard(cx: &RequestContext) -> Result<(), Problem> {
    cx.same_site()?;
    let bucket = limits::of(Owner::Email(&named_email(&cx.request)), &format!("outsend/login/{}", cx.address()));
    cx.check_rate_limit(LOGIN, bucket).await
}

async fn log_in(cx: &RequestContext) -> Result<Response, Problem> {
    let mut fields = Fields::new(object(&cx.request, true)?);
    let email = fields.trimmed("email", 1, Email::LONGEST);
    let password = fields.text("password", 1, 128);
    fields.finish()?;
    let email = Email::typed(&email.unwrap_or_default());
    let account = attempts::sign_in(&cx.context, cx.attempt(), &email, password.unwrap_or_default()).await?;
    let Some(account) = account else { return Err(Detail::BadCredentials.into()) };
    if !account.user.active {
        return Err(Detail::Deactivated.into());
    }
    let (session, cookie) = new_session(&account.user, cx.now)?;
    let audit = cx.record(Action::SignIn, &account.user);
    let network = Network::of(&account.user, cx.address(), cx.now);
    let with = ChangeWith { session: Some(session), audit: Some(audit), network, ..ChangeWith::default() };
    cx.context.store().sign_in(with).await?;
    Ok(account_answer(cx, &account, &cookie))
}
