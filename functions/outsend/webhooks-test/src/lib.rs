//! `POST /api/webhooks/{id}/test`: sends a ping to a webhook, once and at once (outsend 16.1).

use engine::net::Outside;
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;

use shared::{
    http::Response,
    model::{Attempt, Delivery, FeedEventId, Webhook, webhook_id},
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        fields::object,
        format::timestamp,
        messages::Detail,
        request_context::RequestContext,
        webhooks::{DeliveryView, attempt},
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE, |cx, caller| Box::pin(test(cx, caller)));

/// The event that says nothing but that it arrives.
const PING: &str = "ping";

#[derive(Serialize)]
struct Tested<'a> {
    ok: bool,
    delivery: DeliveryView<'a>,
}

async fn test(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    object(&cx.request, false)?;
    let (store, user) = (cx.context.store(), caller.account.user.id);
    let id = webhook_id(cx.path("webhook")).ok_or(Detail::NoWebhook)?;
    let (webhook, secret) = store.webhook_with_secret(user, &id).await?.ok_or(Detail::NoWebhook)?;
    let event = FeedEventId::after(None, cx.now)?.to_string();
    let attempt = ping(cx, &webhook, &secret, &event).await?;
    let delivery = Delivery::new(&id, 0, (event, PING), cx.now, cx.now)?.after(&attempt, true, now(cx));
    // it can have been deleted meanwhile
    store.log_delivery(user, &delivery, (&webhook, &attempt), now(cx)).await?.ok_or(Detail::NoWebhook)?;
    Ok(json_answer(200, &Tested { ok: attempt.succeeded(), delivery: DeliveryView::of(&delivery) }))
}

fn now(cx: &RequestContext) -> OffsetDateTime {
    cx.context.clock().now()
}

async fn ping(cx: &RequestContext, webhook: &Webhook, secret: &str, event: &str) -> Result<Attempt, Problem> {
    let outbound = &cx.context.settings().outbound;
    let outside = Outside::for_webhooks(outbound.dns_server, outbound.webhook_allow_hosts.clone());
    let outside = outside.map_err(|fault| Problem::Crash(fault.to_string()))?;
    let data = json!({"webhook_id": webhook.id});
    let body = json!({"id": event, "event": PING, "created_at": timestamp(cx.now), "data": data}).to_string();
    let post = |headers, body| outside.post(&webhook.url, headers, body);
    Ok(attempt(secret, (event, PING), body, cx.context.clock(), post).await)
}
