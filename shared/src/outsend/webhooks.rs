//! Webhooks on the wire, and how what is sent to them is signed (outsend 16).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;
use serde::Serialize;
use time::OffsetDateTime;

use super::format::timestamp;
use crate::{
    clock::Clock,
    model::{Attempt, Delivery, Posted, Webhook},
};

/// A webhook as it is shown: without its secret.
#[derive(Debug, Serialize)]
pub struct WebhookView<'a> {
    id: &'a str,
    url: &'a str,
    events: Vec<&'static str>,
    active: bool,
    created_at: String,
    disabled_reason: Option<&'a str>,
    last_delivery_at: Option<String>,
    last_status_code: Option<u16>,
}

/// A webhook as it is shown.
#[must_use]
pub fn view(webhook: &Webhook) -> WebhookView<'_> {
    WebhookView {
        id: &webhook.id,
        url: &webhook.url,
        events: webhook.events.iter().map(|name| name.as_str()).collect(),
        active: webhook.active,
        created_at: timestamp(webhook.created_at),
        disabled_reason: webhook.disabled_reason.as_deref(),
        last_delivery_at: webhook.last_delivery_at.map(timestamp),
        last_status_code: webhook.last_status_code,
    }
}

/// A delivery as it is shown.
#[derive(Debug, Serialize)]
pub struct DeliveryView<'a> {
    id: &'a str,
    event_id: &'a str,
    event: &'a str,
    status: &'static str,
    attempts: u32,
    last_status_code: Option<u16>,
    last_error: Option<&'a str>,
    duration_ms: Option<u64>,
    next_attempt_at: Option<String>,
    created_at: String,
    delivered_at: Option<String>,
}

impl<'a> DeliveryView<'a> {
    /// A delivery as it is shown.
    #[must_use]
    pub fn of(delivery: &'a Delivery) -> Self {
        Self {
            id: &delivery.id,
            event_id: &delivery.event_id,
            event: &delivery.event,
            status: delivery.status.as_str(),
            attempts: delivery.attempts,
            last_status_code: delivery.last_status_code,
            last_error: delivery.last_error.as_deref(),
            duration_ms: delivery.duration_ms,
            next_attempt_at: delivery.next_attempt_at.map(timestamp),
            created_at: timestamp(delivery.created_at),
            delivered_at: delivery.delivered_at.map(timestamp),
        }
    }
}

/// Makes an attempt: signs a body with the time, and has `post` send it with its headers.
pub async fn attempt<F: Future<Output = Posted>>(
    secret: &str,
    named: (&str, &str),
    body: String,
    clock: &Clock,
    post: impl FnOnce(Vec<(&'static str, String)>, String) -> F,
) -> Attempt {
    let began = clock.now();
    let Posted { status, error, retry_after } = post(signed_headers(secret, named, began, &body), body).await;
    let duration_ms = u64::try_from((clock.now() - began).whole_milliseconds()).unwrap_or(0);
    Attempt { status, error, retry_after, duration_ms }
}

/// The headers of a request with this body, signed twice: in our own way, and in that of Standard Webhooks. The key is the
/// secret's text, whatever it looks like (outsend 16.2).
#[must_use]
pub fn signed_headers(
    secret: &str,
    (id, event): (&str, &str),
    at: OffsetDateTime,
    body: &str,
) -> Vec<(&'static str, String)> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let own: String = hmac::sign(&key, body.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let seconds = at.unix_timestamp();
    let standard = hmac::sign(&key, format!("{id}.{seconds}.{body}").as_bytes());
    vec![
        ("content-type", "application/json".to_owned()),
        ("x-outsend-event", event.to_owned()),
        ("x-outsend-signature", format!("sha256={own}")),
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", format!("v1,{}", STANDARD.encode(standard))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Example 24 of the contract.
    #[test]
    fn the_contract_s_vector() {
        let secret = "9f2c4e6a8b0d1f3e5a7c9e1b3d5f7a9c0e2a4c6e8f1b3d5f7a9c1e3b5d7f9a0c";
        let body = r#"{"id":"evt_01KSMCWK3R6T9W2X5Y7B0C1D2E","event":"job.completed","created_at":"2026-05-27T09:40:11Z","data":{"id":"j_01KSMB92NRM7N8P9Q0R1S2T3V4","status":"done"}}"#;
        let at = OffsetDateTime::from_unix_timestamp(1_779_874_812).unwrap();
        let headers = signed_headers(secret, ("evt_01KSMCWK3R6T9W2X5Y7B0C1D2E", "job.completed"), at, body);
        let value = |name| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        let own = "sha256=6441a3b4d741a2acf06c47d39f7edfd96ae6f4027929a917de4b572fce3464dc";
        assert_eq!(value("x-outsend-signature"), Some(own));
        assert_eq!(value("webhook-signature"), Some("v1,Ec879oa9uH8X5HEs7UyaLul1bNGuDb/mnsjgXoGeIBg="));
        assert_eq!((value("webhook-timestamp"), value("x-outsend-event")), (Some("1779874812"), Some("job.completed")));
    }
}
