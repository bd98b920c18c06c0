//! `POST /api/billing/payout`: the testers of a study are paid, each confirmed session once, ever (openscouter 16.1). The
//! work that follows makes the payouts.

use std::collections::HashMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use serde_json::json;

use shared::{
    http::Response,
    model::{Action, Payout, PayoutId, Status, Study, StudyId, TestStatus},
    openscouter::{
        self, Endpoint,
        access::{Caller, OWNING_WRITERS},
        envelope::{Problem, success},
        fields::Fields,
        payouts::PayoutView,
        request_context::RequestContext,
        studies::{billing_exempt, check_paid, owned_study, wrong_state},
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), OWNING_WRITERS, |cx, caller| Box::pin(pay_out(cx, caller)));

/// Payouts that are written at a time.
const AT_A_TIME: usize = 16;

/// The payouts of a study's confirmed sessions, in the sessions' order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StudyPayouts {
    job_id: String,
    payouts: Vec<PayoutView>,
}

async fn pay_out(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let id = fields.text("jobId", 1, usize::MAX)?;
        let study = owned_study(cx, caller.viewer(), StudyId::from_wire(&id)).await?;
        if !matches!(study.status, Status::Completed | Status::Closed) {
            return Err(wrong_state(&study, "completed or closed"));
        }
        check_paid(&study, billing_exempt(cx, &caller, &study).await?)?;
        let due = due_payouts(cx, &study).await?;
        let known = cx.context.store().payouts(&due.iter().map(|due| due.id).collect::<Vec<_>>()).await?;
        let known: HashMap<PayoutId, Payout> = known.into_iter().map(|payout| (payout.id, payout)).collect();
        let made = due.into_iter().map(|due| {
            let known = known.get(&due.id).cloned();
            create(cx, &caller, due, known)
        });
        let made: Vec<(Payout, bool)> = stream::iter(made).buffered(AT_A_TIME).try_collect().await?;
        let status = if made.iter().any(|(_, new)| *new) { 201 } else { 200 };
        let payouts = made.iter().map(|(payout, _)| PayoutView::new(payout)).collect();
        Ok(success(status, &StudyPayouts { job_id: study.id.wire(), payouts }))
    })
    .await
}

/// The payouts that a study's confirmed sessions are to have; none where it pays nothing.
async fn due_payouts(cx: &RequestContext, study: &Study) -> Result<Vec<Payout>, Problem> {
    let Some(compensation) = &study.details.compensation else { return Ok(Vec::new()) };
    let rate = cx.context.settings().stripe.fee_rate;
    let sessions = cx.context.store().test_sessions_of(study.id).await?;
    let confirmed = sessions.iter().filter(|session| session.status == TestStatus::Confirmed);
    let payouts: Option<Vec<_>> = confirmed.map(|session| Payout::new(session, compensation, rate, cx.now)).collect();
    payouts.ok_or_else(|| Problem::Crash("a compensation that its currency does not have".to_owned()))
}

/// The payout that there is, or a new one; and whether it is new.
async fn create(
    cx: &RequestContext,
    caller: &Caller,
    payout: Payout,
    known: Option<Payout>,
) -> Result<(Payout, bool), Problem> {
    if let Some(known) = known {
        return Ok((known, false));
    }
    let detail = json!({
        "jobId": payout.study.wire(), "sessionId": payout.session.wire(), "amountMinor": payout.amount_minor,
        "feeMinor": payout.fee_minor, "currency": payout.currency,
    });
    let user = &caller.account.user;
    let audit = cx.record(Action::PayoutCreated, Some(user), Some(payout.id.wire()), detail);
    Ok(cx.context.store().create_payout(&payout, &audit, cx.now).await?)
}
