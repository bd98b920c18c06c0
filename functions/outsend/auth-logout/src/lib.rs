//! `POST /api/auth/logout`: ends the session (outsend 6.2).

mod page;

use shared::{
    http::Response,
    model::Action,
    outsend::{
        self, Endpoint,
        authentication::{check_address_limit, session_hash, user_bucket},
        envelope::{Problem, done},
        fields::object,
        limits::tier,
        request_context::RequestContext,
    },
    store::{Credential, Principal},
};

/// The function. Whether the cookie is good decides what is checked and counted, so the handler does both.
pub const FUNCTION: Endpoint =
    outsend::guarded(env!("CARGO_PKG_NAME"), |_| Box::pin(std::future::ready(Ok(()))), |cx| Box::pin(log_out(cx)))
        .with_form(&page::PAGE);

async fn log_out(cx: &RequestContext) -> Result<Response, Problem> {
    let store = cx.context.store();
    let principal = match cx.cookie().and_then(|value| session_hash(&value)) {
        Some(hash) => store.principal(Credential::Session(&hash), cx.now).await?,
        None => None,
    };
    if let Some(Principal::Session(session, account)) = &principal {
        cx.same_site()?;
        cx.check_rate_limit(tier(account.organization.plan), user_bucket(account.user.id)).await?;
        object(&cx.request, false)?;
        store.end_session(&session.hash, &cx.record(Action::SignOut, &account.user)).await?;
    } else {
        check_address_limit(cx).await?;
        object(&cx.request, false)?;
    }
    Ok(done().header("Set-Cookie", cx.set_cookie("")))
}
