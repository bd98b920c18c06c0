//! Payouts are made (openscouter 16.1): the transfer to the tester's account at Stripe, then the payout from there.
//!
//! What is asked of Stripe follows from the payout and its try, under a key that does, too. A worker that dies between a call
//! and its record leaves the call to be made again: then Stripe's own lists are looked at first, since it forgets keys after
//! a day.

use serde_json::Value;
use shared::{
    BoxFuture,
    model::{Failure, Payout, PayoutId, PayoutStatus, UserId, WorkItem},
    store::StoreError,
    stripe::{self, Call, StripeError, amount, parameters},
};

use crate::{
    kind::{Kind, Outcome, WorkError, try_later},
    workers::Workers,
};

/// A try of a payout; the subject is its id. Never given up: whether the money moved must be known.
pub(crate) const PAYOUT: Kind = Kind { run: make, give_up: try_later };
/// What waits for a tester's account is begun; the subject is the tester.
pub(crate) const RELEASE: Kind = Kind { run: release, give_up: try_later };

/// Payouts of an account that are looked through for one that was made already, the newest first.
const LOOKED_THROUGH: &str = "100";

fn make<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async move {
        let id = PayoutId::parse(&work.subject).ok_or(WorkError::Subject)?;
        let payout = workers.store().payout(id).await?;
        let current =
            |payout: &Payout| payout.status == PayoutStatus::Processing && WorkItem::payout(payout).id == work.id;
        let Some(payout) = payout.filter(current) else { return Ok(Outcome::Done("passed")) };
        match sent(workers, &payout).await? {
            Ok(()) => Ok(Outcome::Done("sent")),
            Err(failure) => {
                let now = workers.now();
                let fail = |known: &Payout| current(known).then(|| known.failed(failure.clone(), now));
                workers.store().update_payout(id, now, &fail).await?;
                Ok(Outcome::Done("refused"))
            }
        }
    })
}

/// Sends a payout's money as far as it is not there yet, and keeps each step; the failure where Stripe refuses one.
async fn sent(workers: &Workers, payout: &Payout) -> Result<Result<(), Failure>, WorkError> {
    let Some(account) = payout.account.as_deref() else { return Err(WorkError::Failed("no account".to_owned())) };
    if payout.transfer.is_none() {
        match transfer(workers, payout, account).await {
            Ok(transfer) => keep(workers, payout, &|known| known.transferred(&transfer)).await?,
            Err(StripeError::Refused(failure)) => return Ok(Err(failure)),
            Err(error) => return Err(WorkError::Failed(error.to_string())),
        }
    }
    if payout.stripe_payout.is_none() {
        match pay_out(workers, payout, account).await {
            Ok(made) => keep(workers, payout, &|known| known.sent(&made)).await?,
            Err(StripeError::Refused(failure)) => return Ok(Err(failure)),
            Err(error) => return Err(WorkError::Failed(error.to_string())),
        }
    }
    Ok(Ok(()))
}

/// Keeps a step of a try, unless what became of it is known by now.
async fn keep(
    workers: &Workers,
    payout: &Payout,
    step: &(dyn Fn(&Payout) -> Payout + Send + Sync),
) -> Result<(), StoreError> {
    let rule = |known: &Payout| {
        let same = known.status == PayoutStatus::Processing && known.attempt == payout.attempt;
        let next = step(known);
        let new = (&next.transfer, &next.stripe_payout) != (&known.transfer, &known.stripe_payout);
        (same && new).then_some(next)
    };
    workers.store().update_payout(payout.id, workers.now(), &rule).await.map(|_| ())
}

/// A list of Stripe's, the newest first.
async fn listed(
    workers: &Workers,
    path: &str,
    said: &[(&str, &str)],
    account: Option<&str>,
) -> Result<Vec<Value>, StripeError> {
    let call = Call { path, parameters: &parameters(said), key: None, account };
    let mut answer = stripe::call(&workers.settings().stripe, call).await?;
    match answer.get_mut("data").map(Value::take) {
        Some(Value::Array(rows)) => Ok(rows),
        _ => Err(StripeError::InDoubt("a list without rows".to_owned())),
    }
}

/// Stripe's id of the transfer to the tester's account: of the one that was made already, or of a new one.
async fn transfer(workers: &Workers, payout: &Payout, account: &str) -> Result<String, StripeError> {
    let settings = &workers.settings().stripe;
    let (id, study) = (payout.id.wire(), payout.study.wire());
    let made = listed(workers, "transfers", &[("transfer_group", &id), ("limit", "1")], None).await?;
    if let Some(made) = made.first() {
        return stripe::text(made, "id");
    }
    let said = parameters(&[
        ("amount", &amount(payout.net_minor(), &payout.currency)),
        ("currency", &payout.currency.to_ascii_lowercase()),
        ("destination", account),
        ("transfer_group", &id),
        ("metadata[payoutId]", &id),
        ("metadata[jobId]", &study),
    ]);
    let key = format!("outscout-transfer-{id}-{}", payout.attempt);
    let made =
        stripe::call(settings, Call { path: "transfers", parameters: &said, key: Some(&key), account: None }).await?;
    stripe::text(&made, "id")
}

/// Stripe's id of the payout from the tester's account to the bank: of this try's that was made already, or of a new one.
async fn pay_out(workers: &Workers, payout: &Payout, account: &str) -> Result<String, StripeError> {
    let settings = &workers.settings().stripe;
    let (id, attempt) = (payout.id.wire(), payout.attempt.to_string());
    let made = listed(workers, "payouts", &[("limit", LOOKED_THROUGH)], Some(account)).await?;
    let says =
        |made: &Value, name: &str, value: &str| made.pointer(&format!("/metadata/{name}")) == Some(&Value::from(value));
    if let Some(made) = made.iter().find(|made| says(made, "payoutId", &id) && says(made, "attempt", &attempt)) {
        return stripe::text(made, "id");
    }
    let said = parameters(&[
        ("amount", &amount(payout.net_minor(), &payout.currency)),
        ("currency", &payout.currency.to_ascii_lowercase()),
        ("metadata[payoutId]", &id),
        ("metadata[attempt]", &attempt),
    ]);
    let key = format!("outscout-payout-{id}-{attempt}");
    let making = Call { path: "payouts", parameters: &said, key: Some(&key), account: Some(account) };
    stripe::text(&stripe::call(settings, making).await?, "id")
}

fn release<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async move {
        let tester = UserId::parse(&work.subject).ok_or(WorkError::Subject)?;
        let now = workers.now();
        if workers.store().release_payouts(tester, now).await? {
            return Ok(Outcome::Done("released"));
        }
        Ok(Outcome::AgainAt(now))
    })
}
