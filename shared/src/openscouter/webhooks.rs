//! Events that other services send (openscouter 16.3).

use serde_json::{Map, Value, json};

use super::{
    endpoint::answer,
    envelope::{Problem, success},
    fields::{Fields, check_media},
    limits::WEBHOOK,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    config::ExposeSecret as _,
    context::Context,
    http::{Request, Response},
    model::{EventId, WebhookEvent},
    secret::constant_time_eq,
};

/// Most events of a batch.
const MOST: usize = 100;

/// `POST /api/webhooks/:source`
#[must_use]
pub fn webhook(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(webhook_now(cx)))
}

/// The source of a call with its secret; a call without it counts for its address.
async fn source(cx: &RequestContext) -> Result<&str, Problem> {
    let source = cx.path_id();
    let Some(secret) = cx.context.settings().openscouter.webhook_secrets.get(source) else {
        cx.anonymous().await?;
        return Err(Problem::not_found("Webhook source"));
    };
    let sent = cx.request.header("x-webhook-secret");
    if sent.as_deref().is_some_and(|sent| constant_time_eq(sent, secret.expose_secret())) {
        return Ok(source);
    }
    cx.anonymous().await?;
    Err(Problem::unauthorized(if sent.is_none() { "Missing credentials" } else { "Invalid credentials" }))
}

async fn webhook_now(cx: &RequestContext) -> Result<Response, Problem> {
    let source = source(cx).await?;
    let parsed = serde_json::from_slice::<Value>(&cx.request.body);
    // a batch costs its number of events, also when one of them turns out wrong (2.8)
    let cost = parsed.as_ref().ok().and_then(Value::as_array).map_or(1, |events| events.len().clamp(1, MOST));
    cx.check_rate_limit(WEBHOOK, &format!("openscouter/webhook/{source}"), u32::try_from(cost).unwrap_or(1)).await?;
    check_media(&cx.request, "application/json")?;
    let body = match parsed {
        Ok(body) => body,
        Err(_) if cx.request.body.is_empty() => json!({}),
        Err(_) => return Err(Problem::bad("Malformed JSON body")),
    };
    let events = match body {
        Value::Array(events) if events.is_empty() => {
            return Err(Problem::invalid("body", "must contain at least 1 items"));
        }
        Value::Array(events) if events.len() > MOST => {
            return Err(Problem::invalid("body", &format!("must contain at most {MOST} items")));
        }
        Value::Array(events) => {
            let read = |(position, event)| read(cx, source, &format!("[{position}]"), event);
            events.into_iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?
        }
        event => vec![read(cx, source, "", event)?],
    };
    let store = cx.context.store();
    let mut unique: Vec<&WebhookEvent> = Vec::new();
    for event in &events {
        if unique.iter().all(|known| known.key != event.key) {
            unique.push(event);
        }
    }
    let accepted = futures_util::future::try_join_all(unique.iter().map(|event| store.accept_event(event, cx.now)));
    let accepted = accepted.await?.into_iter().filter(|accepted| *accepted).count();
    let duplicates = events.len() - accepted;
    Ok(success(202, &json!({"source": source, "accepted": accepted, "duplicates": duplicates})))
}

fn read(cx: &RequestContext, source: &str, path: &str, event: Value) -> Result<WebhookEvent, Problem> {
    let named = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let Value::Object(object) = event else {
        return Err(Problem::invalid(if path.is_empty() { "body" } else { path }, "must be an object"));
    };
    // the faults of a batch's event carry its place
    let fields = Fields::new(object.into_iter().map(|(name, value)| (named(&name), value)).collect::<Map<_, _>>());
    let (key, kind) = (fields.text(&named("id"), 1, 128)?, fields.text(&named("type"), 1, 128)?);
    let data = match fields.optional(&named("data")) {
        None => json!({}),
        Some(data) if data.is_object() => data.clone(),
        Some(_) => return Err(Problem::invalid(&named("data"), "must be an object")),
    };
    Ok(WebhookEvent { id: EventId::at(cx.now), source: source.to_owned(), key, kind, data })
}
