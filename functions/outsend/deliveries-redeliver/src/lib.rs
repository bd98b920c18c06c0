//! `POST /api/webhooks/{webhook}/deliveries/{delivery}/redeliver`: sends the event of a delivery once more (outsend 16.1).

use serde::Serialize;

use shared::{
    http::Response,
    model::{DeliveryStatus, webhook_id},
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        fields::object,
        messages::Detail,
        request_context::RequestContext,
        webhooks::DeliveryView,
    },
    store::LoggedDelivery,
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE, |cx, caller| Box::pin(redeliver(cx, caller)));

#[derive(Serialize)]
struct Redelivered<'a> {
    delivery: DeliveryView<'a>,
}

async fn redeliver(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    object(&cx.request, false)?;
    let (store, user) = (cx.context.store(), caller.account.user.id);
    let id = webhook_id(cx.path("webhook")).ok_or(Detail::NoWebhook)?;
    let logged = store.webhook_and_delivery(user, &id, cx.path("delivery"), cx.now).await?;
    let LoggedDelivery { webhook, delivery } = logged.ok_or(Detail::NoWebhook)?;
    let delivery = delivery.ok_or(Detail::NoDelivery)?;
    if !delivery.is_of_feed() {
        return Err(Detail::TestDelivery.into());
    }
    if !delivery.event_is_kept(cx.now) {
        return Err(Detail::NoEvent.into());
    }
    if !webhook.active {
        return Err(Detail::WebhookDisabled.into());
    }
    if delivery.status == DeliveryStatus::Pending {
        return Err(Detail::DeliveryPending.into());
    }
    let due = webhook.first_attempt(cx.now);
    let again = delivery.again(cx.now, due)?;
    // it can have been deleted meanwhile
    let queued = store.queue_delivery(user, &again, due).await?.ok_or(Detail::NoWebhook)?;
    Ok(json_answer(200, &Redelivered { delivery: DeliveryView::of(&queued) }))
}
