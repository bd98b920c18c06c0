//! What the job `payout-retry` finds (openscouter 20): payouts whose next try is due, and accounts that take payouts since
//! some waited for them.

use time::OffsetDateTime;

use crate::{
    model::{Payout, PayoutId, PayoutStatus, UserId},
    store::{
        BoxFuture, Store, StoreError,
        due::{PAYOUTS, due_name, read_due_name},
    },
};

/// Something that is due, by its name, which sorts by its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DuePayout {
    /// A payout that failed and is to be tried again.
    Retry(PayoutId),
    /// A tester whose account takes payouts since some waited for it.
    Enabled(UserId),
}

impl DuePayout {
    /// What a name stands for.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (_, what) = read_due_name(name)?;
        match what.split_once('#')? {
            ("payout", id) => PayoutId::parse(id).map(Self::Retry),
            ("tester", id) => UserId::parse(id).map(Self::Enabled),
            _ => None,
        }
    }
}

/// Where a payout stands whose next try is due at a time.
pub(super) fn due_key(at: OffsetDateTime, id: PayoutId) -> (String, String) {
    PAYOUTS.key(&id.to_string(), due_name(at, &format!("payout#{id}")))
}

/// Where a tester stands whose account takes payouts: always due.
pub(super) fn enabled_key(tester: UserId) -> (String, String) {
    PAYOUTS.key(&tester.to_string(), due_name(OffsetDateTime::UNIX_EPOCH, &format!("tester#{tester}")))
}

impl Store {
    /// At most `limit` names of what is due, in order, behind the name `after`, which may be empty.
    ///
    /// # Errors
    /// When the store fails.
    pub fn due_payouts<'a>(
        &'a self,
        after: &'a str,
        now: OffsetDateTime,
        limit: i32,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.due_names(PAYOUTS, after, now, limit)
    }

    /// Begins the next try of a payout that failed, if it is due; whether it was. Of two at once one does.
    ///
    /// # Errors
    /// When the store fails.
    pub fn retry_payout(&self, id: PayoutId, now: OffsetDateTime) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let retry = |payout: &Payout| {
                let due = payout.status == PayoutStatus::Failed && payout.retry_at.is_some_and(|at| at <= now);
                payout.account.as_ref().filter(|_| due).map(|account| payout.begun(account))
            };
            self.update_payout(id, now, &retry).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let (at, id) = (OffsetDateTime::UNIX_EPOCH, PayoutId::generate());
        assert_eq!(DuePayout::parse(&due_key(at, id).1), Some(DuePayout::Retry(id)));
        let tester = UserId::generate();
        assert_eq!(DuePayout::parse(&enabled_key(tester).1), Some(DuePayout::Enabled(tester)));
        for wrong in ["", "1#payout#x", "000000000000000#payout#x", "00000000000000x#tester#", "000000000000000#x#y"] {
            assert_eq!(DuePayout::parse(wrong), None, "{wrong}");
        }
    }
}
