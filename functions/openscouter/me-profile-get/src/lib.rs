//! `GET /api/me/profile`: the tester's own profile (openscouter 18).

use shared::{
    http::Response,
    openscouter::{
        self, Endpoint,
        access::{Caller, TESTERS},
        envelope::{Problem, success},
        profiles::ProfileView,
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), TESTERS, |cx, caller| Box::pin(get(cx, caller)));

async fn get(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let (store, user) = (cx.context.store(), &caller.account.user);
    let ((profile, _), special, payee, link) = futures_util::future::try_join4(
        store.profile(user.id),
        store.special_categories(user.id),
        store.payee(user.id),
        store.telegram_link(user.id),
    )
    .await?;
    Ok(success(200, &ProfileView::new(user, &profile, &special, (payee.as_ref(), link.as_ref()))))
}
