//! `POST /api/webhooks/{webhook}/redeliver`: sends again what failed since a time (outsend 16.1).

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use shared::{
    http::Response,
    model::{EVENTS_KEPT, Redelivery, webhook_id},
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, done},
        fields::{Fields, object},
        messages::{Detail, Fault},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE, |cx, caller| Box::pin(redeliver(cx, caller)));

async fn redeliver(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let body = object(&cx.request, true)?;
    let (store, user) = (cx.context.store(), caller.account.user.id);
    let id = webhook_id(cx.path("webhook")).ok_or(Detail::NoWebhook)?;
    let (webhook, last) = store.webhook_with_last(user, &id).await?.ok_or(Detail::NoWebhook)?;
    let since = since(Fields::new(body), cx.now)?;
    if !webhook.active {
        return Err(Detail::WebhookDisabled.into());
    }
    let asked = Redelivery::new(user, (&id, last), since, cx.now)?;
    if !store.queue_alone(&asked.work(), cx.now).await? {
        return Err(Detail::Redelivering.into());
    }
    Ok(done())
}

/// The time that is asked for, of the last 30 days.
fn since(mut fields: Fields, now: OffsetDateTime) -> Result<OffsetDateTime, Problem> {
    let since = fields.parsed("since", |text| OffsetDateTime::parse(text, &Rfc3339).ok());
    if since.is_some_and(|since| since > now || now - since > EVENTS_KEPT) {
        fields.fault("since", Fault::LastDays(EVENTS_KEPT.whole_days()));
    }
    fields.finish()?;
    Ok(since.unwrap_or(now))
}
