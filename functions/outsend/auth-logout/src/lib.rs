//! `POST /api/auth/logout`: ends the session (outsend 6.2).

mod page;

use shared::{
    http::Response,
    model::Action,
    outsend::{
        self, Endpoint,
        authentication::{PresentedCredential, check_address_limit, keys_bucket, user_bucket},
        envelope::{Problem, done},
        fields::object,
        limits::tier,
        request_context::RequestContext,
    },
    store::Principal,
};

/// The function. Whether the cookie is good decides what is checked and counted, so the handler does both.
pub const FUNCTION: Endpoint =
    outsend::guarded(env!("CARGO_PKG_NAME"), |_| Box::pin(std::future::ready(Ok(()))), |cx| Box::pin(log_out(cx)))
        .with_form(&page::PAGE);

async fn log_out(cx: &RequestContext) -> Result<Response, Problem> {
    let store = cx.context.store();
    // a key that is sent decides alone (4.3): it has no session to end
    let principal = match PresentedCredential::read(&cx.request) {
        Some(presented) => store.principal(presented.credential(), cx.now).await?,
        None => None,
    };
    match &principal {
        Some(Principal::Session(session, account)) => {
            cx.same_site()?;
            cx.check_rate_limit(tier(account.organization.plan), user_bucket(account.user.id)).await?;
            object(&cx.request, false)?;
            store.end_session(&session.hash, &cx.record(Action::SignOut, &account.user)).await?;
        }
        Some(Principal::Key(_, account)) => {
            cx.check_rate_limit(tier(account.organization.plan), keys_bucket(account.organization.id)).await?;
            object(&cx.request, false)?;
        }
        _ => {
            check_address_limit(cx).await?;
            object(&cx.request, false)?;
        }
    }
    Ok(done().header("Set-Cookie", cx.set_cookie("")))
}
