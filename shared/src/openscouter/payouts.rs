//! Payouts, as their answers show them (openscouter 16.1).

use serde::Serialize;

use super::format::timestamp;
use crate::model::Payout;

/// A payout, as the call that makes it shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PayoutView {
    payout_id: String,
    session_id: String,
    tester_id: String,
    amount_minor: u64,
    fee_minor: u64,
    currency: String,
    status: &'static str,
}

impl PayoutView {
    /// A payout.
    #[must_use]
    pub fn new(payout: &Payout) -> Self {
        Self {
            payout_id: payout.id.wire(),
            session_id: payout.session.wire(),
            tester_id: payout.tester.wire(),
            amount_minor: payout.amount_minor,
            fee_minor: payout.fee_minor,
            currency: payout.currency.clone(),
            status: payout.status.as_str(),
        }
    }
}

/// A payout, as lists and exports show it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PayoutRow {
    #[serde(flatten)]
    payout: PayoutView,
    failure_code: Option<String>,
    created_at: String,
    paid_at: Option<String>,
}

impl PayoutRow {
    /// A payout.
    #[must_use]
    pub fn new(payout: &Payout) -> Self {
        Self {
            payout: PayoutView::new(payout),
            failure_code: payout.failure.as_ref().map(|failure| failure.code.clone()),
            created_at: timestamp(payout.created_at),
            paid_at: payout.paid_at.map(timestamp),
        }
    }
}
