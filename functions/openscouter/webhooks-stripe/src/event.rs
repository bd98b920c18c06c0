//! What an event says (openscouter 16.2).

use serde_json::Value;
use time::OffsetDateTime;

use shared::{
    model::{Failure, PayoutId, StudyId},
    openscouter::{envelope::Problem, fields::Fields},
    store::{PayoutNews, StripeEvent, StripeNews},
};

/// Reads an event; of a type that is not known it says nothing.
pub(crate) fn read(fields: &Fields) -> Result<StripeEvent, Problem> {
    let (id, kind) = (fields.text("id", 1, 255)?, fields.text("type", 1, 255)?);
    let created = fields.required("created")?.as_i64();
    let created = created.ok_or_else(|| Problem::invalid("created", "must be an integer"))?;
    let data = fields.required("data")?;
    let object = Fields::within("data", data)?.required("data.object")?.clone();
    if !object.is_object() {
        return Err(Problem::invalid("data.object", "must be an object"));
    }
    Ok(StripeEvent { id, created, news: news(&kind, &object, created) })
}

fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

/// What is told of which object; what does not say of which one tells nothing.
fn news(kind: &str, object: &Value, created: i64) -> StripeNews {
    let Some(id) = text(object, "id").map(str::to_owned) else { return StripeNews::Nothing };
    match kind {
        "account.updated" => {
            let flag = |name: &str| object.get(name).and_then(Value::as_bool).unwrap_or_default();
            StripeNews::Account { account: id, enabled: flag("payouts_enabled") && flag("charges_enabled") }
        }
        "payout.paid" => {
            let told = object.get("arrival_date").and_then(Value::as_i64).unwrap_or(created);
            let at = OffsetDateTime::from_unix_timestamp(told).unwrap_or(OffsetDateTime::UNIX_EPOCH);
            StripeNews::Payout { stripe_payout: id, named: named(object), news: PayoutNews::Paid(at) }
        }
        "payout.failed" => {
            let code = text(object, "failure_code").unwrap_or("unknown");
            let failure = Failure::new(code, text(object, "failure_message").unwrap_or_default());
            StripeNews::Payout { stripe_payout: id, named: named(object), news: PayoutNews::Failed(failure) }
        }
        "checkout.session.completed" | "checkout.session.async_payment_succeeded" => {
            match text(object, "payment_status") {
                Some("paid" | "no_payment_required") => checkout(id, object, Some(sum(object))),
                _ => StripeNews::Nothing,
            }
        }
        "checkout.session.expired" => checkout(id, object, None),
        _ => StripeNews::Nothing,
    }
}

/// The payout of ours that Stripe's names, and which try of it.
fn named(object: &Value) -> Option<(PayoutId, Option<u32>)> {
    let metadata = object.get("metadata")?;
    let attempt = text(metadata, "attempt").and_then(|attempt| attempt.parse().ok());
    Some((PayoutId::from_wire(text(metadata, "payoutId")?)?, attempt))
}

fn checkout(session: String, object: &Value, paid: Option<Option<(u64, String)>>) -> StripeNews {
    let study = text(object, "client_reference_id").and_then(StudyId::from_wire);
    let metadata = object.get("metadata");
    let number = metadata.and_then(|metadata| text(metadata, "checkout")).and_then(|number| number.parse().ok());
    StripeNews::Checkout { session, study, number, paid }
}

/// What was paid, in minor units; of the one currency that lost its hundredths Stripe counts them still.
fn sum(object: &Value) -> Option<(u64, String)> {
    let (total, currency) = (object.get("amount_total").and_then(Value::as_u64)?, text(object, "currency")?);
    Some((if currency.eq_ignore_ascii_case("UGX") { total / 100 } else { total }, currency.to_owned()))
}
