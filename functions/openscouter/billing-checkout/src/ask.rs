//! The question to Stripe, which follows from what is kept of it: asked again, it is the same.

use serde_json::Value;
use time::OffsetDateTime;

use shared::{
    model::Checkout,
    openscouter::{envelope::Problem, payments::failed, request_context::RequestContext, studies::missing},
    stripe::{self, Call, Parameters, StripeError, amount, parameters},
};

/// Has Stripe make the page of a checkout, and keeps what it is: the checkout then, with Stripe's id and the page.
pub(crate) async fn stripe(cx: &RequestContext, checkout: &Checkout) -> Result<(Checkout, (String, String)), Problem> {
    let (store, settings) = (cx.context.store(), &cx.context.settings().stripe);
    let key = format!("outscout-checkout-{}-{}", checkout.study.wire(), checkout.number);
    let parameters = question(checkout);
    let making = Call { path: "checkout/sessions", parameters: &parameters, key: Some(&key), account: None };
    let answer = match stripe::call(settings, making).await {
        Ok(answer) => answer,
        Err(error) => {
            // the same question would be answered the same
            if matches!(error, StripeError::Refused(_) | StripeError::Broken(_)) {
                store.drop_checkout(checkout, cx.now).await?;
            }
            // what a study costs is the owner's business
            if let StripeError::Refused(failure) = &error
                && matches!(&*failure.code, "amount_too_small" | "amount_too_large")
            {
                return Err(Problem::invalid("compensation.amount", "cannot be charged"));
            }
            return Err(failed(&error));
        }
    };
    let text = |name: &str| stripe::text(&answer, name).map_err(|error| failed(&error));
    let session = (text("id")?, text("url")?);
    let told = answer.get("expires_at").and_then(Value::as_i64);
    let expires_at = told.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok()).unwrap_or(checkout.expires_at);
    let version = checkout.version + 1;
    let made = Checkout { session: Some(session.clone()), expires_at, version, ..checkout.clone() };
    if !store.keep_checkout(&made, cx.now).await? {
        return Err(missing());
    }
    Ok((made, session))
}

fn question(checkout: &Checkout) -> Parameters {
    let study = checkout.study.wire();
    let currency = checkout.currency.to_ascii_lowercase();
    let unit = amount(checkout.unit_minor, &checkout.currency);
    parameters(&[
        ("mode", "payment"),
        ("client_reference_id", &study),
        ("metadata[jobId]", &study),
        ("metadata[checkout]", &checkout.number.to_string()),
        ("line_items[0][quantity]", &checkout.quantity.to_string()),
        ("line_items[0][price_data][currency]", &currency),
        ("line_items[0][price_data][unit_amount]", &unit),
        ("line_items[0][price_data][product_data][name]", &checkout.title),
        ("success_url", &checkout.success_url),
        ("cancel_url", &checkout.cancel_url),
        ("expires_at", &checkout.expires_at.unix_timestamp().to_string()),
    ])
}
