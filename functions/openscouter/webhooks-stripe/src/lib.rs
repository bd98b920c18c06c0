//! `POST /api/webhooks/stripe`: what Stripe tells (openscouter 16.2).

mod event;
mod signature;

use serde_json::json;

use shared::{
    http::Response,
    openscouter::{
        self, Endpoint,
        envelope::{Problem, json_answer},
        fields::Fields,
        limits::WEBHOOK,
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::guarded(env!("CARGO_PKG_NAME"), |cx| Box::pin(check(cx)), |cx| Box::pin(hear(cx)));

/// Lets what Stripe signed pass; a call without that counts for its address.
async fn check(cx: &RequestContext) -> Result<(), Problem> {
    let header = cx.request.header("stripe-signature");
    let secrets = &cx.context.settings().stripe.webhook_secrets;
    if header.is_some_and(|header| signature::is_valid(&header, &cx.request.body, secrets, cx.now)) {
        return Ok(());
    }
    cx.anonymous().await?;
    Err(Problem::unauthorized("Invalid signature"))
}

async fn hear(cx: &RequestContext) -> Result<Response, Problem> {
    cx.check_rate_limit(WEBHOOK, "openscouter/webhook/stripe".to_owned(), 1).await?;
    let event = event::read(&Fields::read(&cx.request)?)?;
    // one that was heard before is acknowledged, too
    cx.context.store().hear_stripe(&event, cx.now).await?;
    Ok(json_answer(200, &json!({"received": true})))
}
