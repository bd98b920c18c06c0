//! `POST /api/telegram/webhook`: what testers do in the chat with the bot (openscouter 15).

mod act;
mod update;
mod words;

use serde_json::json;

use shared::{
    config::ExposeSecret as _,
    http::Response,
    openscouter::{
        self, Endpoint,
        envelope::{Problem, json_answer},
        fields::Fields,
        limits::WEBHOOK,
        request_context::RequestContext,
    },
    secret::constant_time_eq,
};

/// The headers that carry the secret: ours, and Telegram's.
const SECRET_HEADERS: [&str; 2] = ["x-webhook-secret", "x-telegram-bot-api-secret-token"];

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::guarded(env!("CARGO_PKG_NAME"), |cx| Box::pin(check(cx)), |cx| Box::pin(hear(cx)));

/// Lets pass who has the secret; a call without it counts for its address.
async fn check(cx: &RequestContext) -> Result<(), Problem> {
    let secret = cx.context.settings().telegram.webhook_secret.as_ref();
    let sent: Vec<_> = SECRET_HEADERS.iter().filter_map(|name| cx.request.header(name)).collect();
    if secret.is_some_and(|secret| sent.iter().any(|sent| constant_time_eq(sent, secret.expose_secret()))) {
        return Ok(());
    }
    cx.anonymous().await?;
    Err(Problem::unauthorized(if sent.is_empty() { "Missing credentials" } else { "Invalid credentials" }))
}

async fn hear(cx: &RequestContext) -> Result<Response, Problem> {
    cx.check_rate_limit(WEBHOOK, "openscouter/webhook/telegram".to_owned(), 1).await?;
    let update = update::read(&Fields::read(&cx.request)?)?;
    // what fails is not sent again: who pressed a button presses it once more
    if let Err(cause) = act::on(cx, &update).await {
        tracing::error!(update = update.id, %cause, "update not heard");
    }
    Ok(json_answer(200, &json!({"ok": true})))
}
