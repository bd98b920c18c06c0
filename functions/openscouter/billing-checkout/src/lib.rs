//! `POST /api/billing/checkout`: a study is to be paid for, on a page of Stripe's (openscouter 16.1).

mod ask;

use serde::Serialize;
use time::Duration;

use shared::{
    http::Response,
    model::{Checkout, Payment, Status, Study, StudyId},
    openscouter::{
        self, Endpoint,
        access::{Caller, OWNING_WRITERS},
        envelope::{Problem, success},
        fields::Fields,
        format::timestamp,
        payments::page_of,
        request_context::RequestContext,
        studies::{billing_exempt, missing, owned_study, view::app_url, wrong_state},
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), OWNING_WRITERS, |cx, caller| Box::pin(checkout(cx, caller)));

/// How long a checkout is open; Stripe takes no more.
const OPEN: Duration = Duration::hours(24);
/// How long Stripe knows the same question again, and a checkout of half an hour can still be made of it.
const SAME_QUESTION: Duration = Duration::hours(23);

/// An open checkout (openscouter 16.1).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckoutView {
    checkout_session_id: String,
    checkout_url: String,
    job_id: String,
    amount_minor: u64,
    currency: String,
    expires_at: String,
}

/// Where the payer comes back to.
struct Pages {
    success: String,
    cancel: String,
}

async fn checkout(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let id = fields.text("jobId", 1, usize::MAX)?;
        let (success_url, cancel_url) = (page_of(cx, &fields, "successUrl")?, page_of(cx, &fields, "cancelUrl")?);
        let study = owned_study(cx, caller.viewer(), StudyId::from_wire(&id)).await?;
        let exempt = billing_exempt(cx, &caller, &study).await?;
        let page = format!("{}/studies/{}", app_url(cx), study.id.wire());
        let pages = Pages { success: success_url.unwrap_or_else(|| page.clone()), cancel: cancel_url.unwrap_or(page) };
        let rule = |study: &Study, known: Option<&Checkout>| next_checkout(cx, study, known, (exempt, &pages));
        let begun = cx.context.store().begin_checkout(study, cx.now, &rule).await;
        let begun = begun.map_err(|error| error.or_missing(missing))?;
        if let Some(session) = &begun.session {
            return Ok(success(200, &view(&begun, session)));
        }
        let (made, session) = ask::stripe(cx, &begun).await?;
        Ok(success(201, &view(&made, &session)))
    })
    .await
}

/// The checkout that is open, or the one to begin (openscouter 16.1).
fn next_checkout(
    cx: &RequestContext,
    study: &Study,
    known: Option<&Checkout>,
    (exempt, pages): (bool, &Pages),
) -> Result<Checkout, Problem> {
    let details = &study.details;
    if study.status != Status::Draft {
        return Err(wrong_state(study, "draft"));
    }
    if details.payment == Payment::Paid {
        return Err(Problem::invalid("", "Study is already paid"));
    }
    if exempt {
        return Err(Problem::invalid("", "Organization is billing exempt"));
    }
    let required = || Problem::invalid("compensation", "is required");
    let compensation = details.compensation.as_ref().ok_or_else(required)?;
    let unit_minor = compensation.minor_units().ok_or_else(required)?;
    let quantity = details.targeting.tester_count;
    let open = known.filter(|known| {
        let asked = known.session.is_some() || cx.now < known.asked_at + SAME_QUESTION;
        let same =
            (known.unit_minor, known.quantity, &known.currency) == (unit_minor, quantity, &compensation.currency);
        details.payment == Payment::Pending && cx.now < known.expires_at && asked && same
    });
    if let Some(open) = open {
        return Ok(open.clone());
    }
    Ok(Checkout {
        study: study.id,
        number: known.map_or(0, |known| known.number) + 1,
        unit_minor,
        quantity,
        currency: compensation.currency.clone(),
        title: study.name.clone(),
        success_url: pages.success.clone(),
        cancel_url: pages.cancel.clone(),
        asked_at: cx.now,
        expires_at: cx.now + OPEN,
        session: None,
        told_at: None,
        version: known.map_or(0, |known| known.version) + 1,
    })
}

fn view(checkout: &Checkout, (id, url): &(String, String)) -> CheckoutView {
    CheckoutView {
        checkout_session_id: id.clone(),
        checkout_url: url.clone(),
        job_id: checkout.study.wire(),
        amount_minor: checkout.amount_minor(),
        currency: checkout.currency.clone(),
        expires_at: timestamp(checkout.expires_at),
    }
}
