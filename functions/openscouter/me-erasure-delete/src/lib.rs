//! `DELETE /api/me/erasure`: a person withdraws the request to be forgotten, while nothing is erased (openscouter 18).

use serde_json::json;

use shared::{
    http::Response,
    model::Action,
    openscouter::{
        self, Endpoint,
        access::{ANY_ROLE, Caller},
        envelope::{Problem, success},
        erasures::ErasureView,
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ANY_ROLE, |cx, caller| Box::pin(withdraw(cx, caller)));

async fn withdraw(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let missing = || Problem::not_found("Erasure request");
    let (store, user) = (cx.context.store(), &caller.account.user);
    let erasure = store.erasure_of(user.id).await?.ok_or_else(missing)?;
    // from then on the retention job may be at it
    if erasure.due_at <= cx.now {
        return Err(Problem::invalid("", "Erasure is processing, expected acknowledged"));
    }
    let audit = cx.record(Action::ErasureWithdrawn, Some(user), Some(erasure.id.wire()), json!({}));
    if !store.withdraw_erasure(user.id, &erasure, &audit).await? {
        return Err(missing());
    }
    Ok(success(200, &ErasureView::withdrawn(&erasure)))
}
