//! `POST /api/webhooks`: makes a webhook (outsend 16.1).

use engine::net::Outside;
use serde::Serialize;
use serde_json::Value;

use shared::{
    http::Response,
    model::{EventName, Webhook},
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        events::NAMES,
        fields::{Fields, object},
        messages::{Detail, Fault},
        request_context::RequestContext,
        webhooks::{WebhookView, view},
    },
    secret::new_token,
    ulid,
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE, |cx, caller| Box::pin(create(cx, caller)));

/// Most webhooks of a user.
const MAX_WEBHOOKS: usize = 5;
/// Most characters of a URL.
const MAX_URL: usize = 2_048;

/// The webhook with its secret, which is shown this once.
#[derive(Serialize)]
struct NewWebhook<'a> {
    #[serde(flatten)]
    view: WebhookView<'a>,
    secret: &'a str,
}

async fn create(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let mut fields = Fields::new(object(&cx.request, true)?);
    let url = fields.text("url", 1, MAX_URL);
    let events = events(&mut fields);
    let secret = secret(&mut fields);
    fields.finish()?;
    let (url, secret) = (url.unwrap_or_default(), secret.map_or_else(|| new_token("").map(|(_, hash)| hash), Ok)?);
    if !is_reachable(cx, &url).await? {
        return Err(Detail::WebhookUrl.into());
    }
    let webhook = Webhook {
        id: format!("wh_{}", ulid::generate(cx.now)?),
        url,
        events,
        active: true,
        disabled_reason: None,
        created_at: cx.now,
        last_delivery_at: None,
        last_status_code: None,
        failing_since: None,
        slow: false,
    };
    let user = caller.account.user.id;
    if !cx.context.store().create_webhook(user, &webhook, &secret, MAX_WEBHOOKS).await? {
        return Err(Detail::WebhookCapReached(MAX_WEBHOOKS).into());
    }
    Ok(json_answer(200, &NewWebhook { view: view(&webhook), secret: &secret }))
}

/// Whether the URL may be sent to now; it is judged again at each delivery.
async fn is_reachable(cx: &RequestContext, url: &str) -> Result<bool, Problem> {
    let outbound = &cx.context.settings().outbound;
    let outside = Outside::for_webhooks(outbound.dns_server, outbound.webhook_allow_hosts.clone());
    let outside = outside.map_err(|fault| Problem::Crash(fault.to_string()))?;
    Ok(outside.takes_events(url).await)
}

/// One to seven known names; those given twice count once.
fn events(fields: &mut Fields) -> Vec<EventName> {
    let mut names = Vec::new();
    let entries = match fields.optional("events").cloned() {
        Some(Value::Array(entries)) => entries,
        Some(_) => {
            fields.fault("events", Fault::Type("list"));
            return names;
        }
        None => {
            fields.fault("events", Fault::Required);
            return names;
        }
    };
    if !(1..=EventName::ALL.len()).contains(&entries.len()) {
        fields.fault("events", Fault::Entries(1, EventName::ALL.len()));
        return names;
    }
    for (index, entry) in entries.iter().enumerate() {
        match entry.as_str().map(EventName::parse) {
            Some(Some(name)) if names.contains(&name) => {}
            Some(Some(name)) => names.push(name),
            Some(None) => fields.fault(format!("events.{index}"), Fault::OneOf(NAMES)),
            None => fields.fault(format!("events.{index}"), Fault::Type("string")),
        }
    }
    names
}

/// The secret, if one was given: printable ASCII, kept as it is.
fn secret(fields: &mut Fields) -> Option<String> {
    let secret = fields.optional_text("secret", 16, 128)?;
    if !secret.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        fields.fault("secret", Fault::Format);
    }
    Some(secret)
}
