//! How payouts are kept, and what leads to them.

use crate::{
    model::{Failure, OrganizationId, Payout, PayoutId, PayoutStatus, StudyId, TestSessionId, UserId},
    store::{StoreError, item::Item, user_items::user_pk},
};

/// What a tester's partition finds payouts by, and those of them that wait for the tester's account.
pub(super) const PAYOUT: &str = "PAYOUT#";
pub(super) const OWED: &str = "OWED#";

pub(super) fn payout_key(id: PayoutId) -> (String, String) {
    (format!("PAY#{id}"), "PAY".to_owned())
}

pub(super) fn owed_key(payout: &Payout) -> (String, String) {
    (user_pk(payout.tester), format!("{OWED}{}", payout.id))
}

pub(super) fn payout_item(payout: &Payout) -> Item {
    let (pk, sk) = payout_key(payout.id);
    let failure = payout.failure.as_ref();
    let item = Item::new(pk, sk)
        .text("id", payout.id.to_string())
        .text("session", payout.session.to_string())
        .text("study", payout.study.to_string())
        .text("organization", payout.organization.to_string())
        .text("tester", payout.tester.to_string())
        .number("amount_minor", payout.amount_minor)
        .number("fee_minor", payout.fee_minor)
        .text("currency", &*payout.currency)
        .text("status", payout.status.as_str())
        .number("attempt_number", payout.attempt)
        .optional_text("account", payout.account.as_deref())
        .optional_text("transfer", payout.transfer.as_deref())
        .optional_text("stripe_payout", payout.stripe_payout.as_deref())
        .optional_text("failure_code", failure.map(|failure| &*failure.code))
        .optional_text("failure_message", failure.map(|failure| &*failure.message))
        .optional_time("retry_at", payout.retry_at)
        .time("created_at", payout.created_at)
        .optional_time("paid_at", payout.paid_at)
        .number("version", payout.version);
    match payout.told_at {
        Some(told_at) => item.number("told_at", told_at),
        None => item,
    }
}

pub(super) fn read_payout(item: &Item) -> Result<Payout, StoreError> {
    let reader = item.read("payout");
    let optional = |name: &'static str| reader.optional_text(name).map(str::to_owned);
    Ok(Payout {
        id: reader.parsed("id", PayoutId::parse)?,
        session: reader.parsed("session", TestSessionId::parse)?,
        study: reader.parsed("study", StudyId::parse)?,
        organization: reader.parsed("organization", OrganizationId::parse)?,
        tester: reader.parsed("tester", UserId::parse)?,
        amount_minor: reader.number("amount_minor")?,
        fee_minor: reader.number("fee_minor")?,
        currency: reader.text("currency")?.to_owned(),
        status: reader.parsed("status", PayoutStatus::parse)?,
        attempt: reader.number("attempt_number")?,
        account: optional("account"),
        transfer: optional("transfer"),
        stripe_payout: optional("stripe_payout"),
        failure: optional("failure_code")
            .map(|code| Failure { code, message: optional("failure_message").unwrap_or_default() }),
        retry_at: reader.optional_time("retry_at")?,
        told_at: reader.number("told_at").ok(),
        created_at: reader.time("created_at")?,
        paid_at: reader.optional_time("paid_at")?,
        version: reader.number("version")?,
    })
}

/// What Stripe's id of an account or a payout leads to.
pub(in crate::store) fn stripe_key(id: &str) -> (String, String) {
    (format!("STRIPE#{id}"), "STRIPE".to_owned())
}
