//! `GET /api/webhooks/{id}/deliveries`: what was sent to a webhook in the last 30 days, newest first (outsend 16.1).

use serde::Serialize;

use shared::{
    http::Response,
    model::webhook_id,
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        fields::Paging,
        messages::Detail,
        request_context::RequestContext,
        webhooks::DeliveryView,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ANY, |cx, caller| Box::pin(list(cx, caller)));

#[derive(Serialize)]
struct Deliveries<'a> {
    deliveries: Vec<DeliveryView<'a>>,
    total: u64,
    limit: u32,
    offset: u64,
}

async fn list(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let id = webhook_id(cx.path("webhook")).ok_or(Detail::NoWebhook)?;
    let mut faults = Vec::new();
    let Paging { limit, offset } = Paging::read(&cx.request.query, 100, 50, &mut faults);
    let user = caller.account.user.id;
    // a webhook that is not there is told before a page that cannot be
    let page = cx.context.store().deliveries(user, &id, (offset, limit), cx.now).await?.ok_or(Detail::NoWebhook)?;
    if !faults.is_empty() {
        return Err(Problem::Invalid(faults));
    }
    let deliveries = page.members.iter().map(DeliveryView::of).collect();
    Ok(json_answer(200, &Deliveries { deliveries, total: page.total, limit, offset }))
}
