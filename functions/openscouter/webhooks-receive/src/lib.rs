//! `POST /api/webhooks/:source`: events that another service sends (openscouter 16.3).

use futures_util::future::try_join_all;
use serde::Serialize;
use serde_json::{Map, Value, json};

use shared::{
    config::ExposeSecret as _,
    http::Response,
    model::{EventId, WebhookEvent},
    openscouter::{
        self, Endpoint,
        envelope::{Problem, success},
        fields::{Fields, read_value},
        limits::WEBHOOK,
        request_context::RequestContext,
    },
    secret::constant_time_eq,
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::guarded(env!("CARGO_PKG_NAME"), |cx| Box::pin(check_source(cx)), |cx| Box::pin(receive(cx)));

/// Most events of a batch.
const MAX_EVENTS: usize = 100;

/// What was taken of a batch (openscouter 16.3).
#[derive(Serialize)]
struct Received<'a> {
    source: &'a str,
    accepted: usize,
    duplicates: usize,
}

/// Lets a source with its secret pass; a call without it counts for its address.
async fn check_source(cx: &RequestContext) -> Result<(), Problem> {
    let Some(secret) = cx.context.settings().openscouter.webhook_secrets.get(cx.path("source")) else {
        cx.anonymous().await?;
        return Err(Problem::not_found("Webhook source"));
    };
    let sent = cx.request.header("x-webhook-secret");
    if sent.as_deref().is_some_and(|sent| constant_time_eq(sent, secret.expose_secret())) {
        return Ok(());
    }
    cx.anonymous().await?;
    Err(Problem::unauthorized(if sent.is_none() { "Missing credentials" } else { "Invalid credentials" }))
}

async fn receive(cx: &RequestContext) -> Result<Response, Problem> {
    let source = cx.path("source");
    // what is of another media type is not looked at, and costs what one event costs
    let parsed = read_value(&cx.request);
    // a batch costs its number of events, also when one of them turns out wrong (openscouter 2.8)
    let sent = parsed.as_ref().ok().and_then(Value::as_array);
    let cost = sent.map_or(1, |events| events.len().clamp(1, MAX_EVENTS));
    let bucket = format!("openscouter/webhook/{source}");
    cx.check_rate_limit(WEBHOOK, bucket, u32::try_from(cost).unwrap_or(1)).await?;
    let events = read_events(cx, source, parsed?)?;
    let mut unique: Vec<&WebhookEvent> = Vec::new();
    for event in &events {
        if unique.iter().all(|known| known.key != event.key) {
            unique.push(event);
        }
    }
    let store = cx.context.store();
    let accepted = try_join_all(unique.iter().map(|event| store.accept_event(event, cx.now))).await?;
    let accepted = accepted.into_iter().filter(|accepted| *accepted).count();
    Ok(success(202, &Received { source, accepted, duplicates: events.len() - accepted }))
}

/// The events of a body: one, or a batch.
fn read_events(cx: &RequestContext, source: &str, body: Value) -> Result<Vec<WebhookEvent>, Problem> {
    match body {
        Value::Array(events) if events.is_empty() => Err(Problem::invalid("body", "must contain at least 1 items")),
        Value::Array(events) if events.len() > MAX_EVENTS => {
            Err(Problem::invalid("body", &format!("must contain at most {MAX_EVENTS} items")))
        }
        Value::Array(events) => {
            let read = |(index, event)| read_event(cx, source, &format!("[{index}]"), event);
            events.into_iter().enumerate().map(read).collect()
        }
        event => Ok(vec![read_event(cx, source, "", event)?]),
    }
}

fn read_event(cx: &RequestContext, source: &str, path: &str, event: Value) -> Result<WebhookEvent, Problem> {
    let named = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let Value::Object(object) = event else {
        return Err(Problem::invalid(if path.is_empty() { "body" } else { path }, "must be an object"));
    };
    // the faults of a batch's event carry its index
    let fields = Fields::new(object.into_iter().map(|(name, value)| (named(&name), value)).collect::<Map<_, _>>());
    let (key, kind) = (fields.text(&named("id"), 1, 128)?, fields.text(&named("type"), 1, 128)?);
    let data = match fields.optional(&named("data")) {
        None => json!({}),
        Some(data) if data.is_object() => data.clone(),
        Some(_) => return Err(Problem::invalid(&named("data"), "must be an object")),
    };
    Ok(WebhookEvent { id: EventId::at(cx.now), source: source.to_owned(), key, kind, data })
}
