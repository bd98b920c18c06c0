//! Payouts (openscouter 5.3, 16): one for each confirmed session, found from its tester, from Stripe's id of it, from the
//! time of its next try, and in lists.

mod due;
mod item;
mod lists;
mod moves;
mod payees;

use aws_sdk_dynamodb::types::TransactWriteItem;
use time::OffsetDateTime;

pub use due::DuePayout;
pub use lists::PayoutFilter;
pub(super) use lists::{organization_lists, study_lists};

use self::item::{PAYOUT, owed_key, payout_item, payout_key, read_payout, stripe_key};
use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    item::{Condition, Item, delete},
    pending::{Pending, SharedList},
    retry::MAX_ATTEMPTS,
    user_items::user_pk,
};
use crate::model::{Action, AuditEntry, Payout, PayoutId, PayoutStatus, UserId, WorkItem, WorkKind};
use due::due_key;
use moves::subject;

/// The notice to its tester that a payout's try failed.
fn notice_of(payout: &Payout) -> WorkItem {
    WorkItem {
        id: format!("mail-payout-{}-{}", payout.id, payout.attempt),
        kind: WorkKind::PayoutFailed,
        subject: payout.id.to_string(),
        attempt: 0,
    }
}

impl Store {
    /// The members that write `next` over `current`, and all that follows from the difference: its lists, the work of a
    /// new try, the time of the next one, what finds it, and the record of a failure.
    pub(super) fn payout_members(
        &self,
        current: Option<&Payout>,
        next: &Payout,
        now: OffsetDateTime,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let condition = current.map_or(Condition::Absent, |current| Condition::Version(current.version));
        // two changes of the same kind at once would be alike but for this
        let item = payout_item(next).text("write", uuid::Uuid::new_v4().to_string());
        let mut members = vec![item.put(&self.main, condition)?];
        let before = current.map(|current| current.status);
        if current.is_none() {
            let name = format!("{PAYOUT}{}", next.id);
            members.push(Item::new(user_pk(next.tester), name).put(&self.main, Condition::None)?);
        }
        if before != Some(next.status) {
            let (id, subjects) = (format!("{}-{}", next.id, next.version), subject(next.id, before));
            let pending = Pending { list: SharedList::Payouts, id: &id, subjects: &subjects, new: current.is_none() };
            members.push(self.pending_member(pending)?);
            let (pk, sk) = owed_key(next);
            if next.status == PayoutStatus::Pending {
                members.push(Item::new(pk, sk).put(&self.main, Condition::None)?);
            } else if before == Some(PayoutStatus::Pending) {
                members.push(delete(&self.main, pk, sk)?);
            }
            if next.status == PayoutStatus::Processing {
                members.push(self.work_member(&WorkItem::payout(next), now)?);
            }
            if next.status == PayoutStatus::Failed {
                members.extend(self.audit_members(&failed_record(next, now))?);
                members.push(self.work_member(&notice_of(next), now)?);
            }
        }
        let due = |payout: &Payout| payout.retry_at.map(|at| due_key(at, payout.id));
        let (left, entered) = (current.and_then(due), due(next));
        if left != entered {
            if let Some((pk, sk)) = left {
                members.push(delete(&self.main, pk, sk)?);
            }
            if let Some((pk, sk)) = entered {
                members.push(Item::new(pk, sk).put(&self.main, Condition::None)?);
            }
        }
        if let Some(stripe) = &next.stripe_payout
            && current.is_none_or(|current| current.stripe_payout != next.stripe_payout)
        {
            let (pk, sk) = stripe_key(stripe);
            members.push(Item::new(pk, sk).text("payout", next.id.to_string()).put(&self.main, Condition::None)?);
        }
        Ok(members)
    }

    /// The member that takes a payout from what its tester's partition finds.
    fn unfound_member(&self, payout: &Payout) -> Result<TransactWriteItem, StoreError> {
        delete(&self.main, user_pk(payout.tester), format!("{PAYOUT}{}", payout.id))
    }

    /// A payout.
    ///
    /// # Errors
    /// When the store fails.
    pub fn payout(&self, id: PayoutId) -> BoxFuture<'_, Result<Option<Payout>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = payout_key(id);
            self.get(&self.main, pk, sk).await?.as_ref().map(read_payout).transpose()
        })
    }

    /// Those of these payouts that there are, in no order.
    ///
    /// # Errors
    /// When the store fails.
    pub fn payouts<'a>(&'a self, ids: &'a [PayoutId]) -> BoxFuture<'a, Result<Vec<Payout>, StoreError>> {
        Box::pin(async move {
            let items = self.batches(ids.iter().map(|id| payout_key(*id)).collect()).await?;
            items.iter().map(read_payout).collect()
        })
    }

    /// All payouts of a tester, oldest session first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn payouts_of(&self, tester: UserId) -> BoxFuture<'_, Result<Vec<Payout>, StoreError>> {
        Box::pin(async move {
            let items = self.query(user_pk(tester), PAYOUT).await?;
            let id = |item: &Item| {
                item.read("payout of a tester").parsed("sk", |sk| PayoutId::parse(sk.strip_prefix(PAYOUT)?))
            };
            let ids = items.iter().map(id).collect::<Result<Vec<_>, _>>()?;
            let mut payouts = self.payouts(&ids).await?;
            payouts.sort_by_key(|payout| payout.id);
            Ok(payouts)
        })
    }

    /// Makes a session's payout, unless there is one: it is begun where the tester's account takes payouts, and else waits
    /// for that. What is there then, and whether it is new. (openscouter 16.1)
    ///
    /// # Errors
    /// When the store fails.
    pub fn create_payout<'a>(
        &'a self,
        payout: &'a Payout,
        audit: &'a AuditEntry,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<(Payout, bool), StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                if let Some(known) = self.payout(payout.id).await? {
                    // the answer to an earlier attempt can have been lost
                    return Ok((known, attempt > 0));
                }
                let payee = self.payee(payout.tester).await?;
                let enabled = payee.as_ref().filter(|payee| payee.payouts_enabled);
                let next = match enabled.filter(|_| payout.status == PayoutStatus::Pending) {
                    Some(payee) => payout.begun(&payee.account),
                    None => payout.clone(),
                };
                let mut members = self.payout_members(None, &next, now)?;
                // an account that takes payouts from now on finds what waits for it, or is found here
                members.push(self.payee_member(payout.tester, payee.as_ref())?);
                members.extend(self.audit_members(audit)?);
                if self.transact(members).await? == Written::Done {
                    return Ok((next, true));
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Changes a payout by `rule`, which sees it as it is now, and is asked again after a lost race; `None` leaves it as
    /// it is. Whether this call changed it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn update_payout<'a>(
        &'a self,
        id: PayoutId,
        now: OffsetDateTime,
        rule: &'a (dyn Fn(&Payout) -> Option<Payout> + Send + Sync),
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let Some(current) = self.payout(id).await? else { return Ok(false) };
                let Some(next) = rule(&current) else { return Ok(false) };
                let members = self.payout_members(Some(&current), &next, now)?;
                if self.transact(members).await? == Written::Done {
                    return Ok(true);
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }
}

/// The record of a failure.
fn failed_record(payout: &Payout, now: OffsetDateTime) -> AuditEntry {
    let detail = serde_json::json!({
        "jobId": payout.study.wire(),
        "attempt": payout.attempt,
        "failureCode": payout.failure.as_ref().map(|failure| &*failure.code),
    });
    AuditEntry::of_operator(Action::PayoutFailed, Some(payout.id.wire()), detail, now)
}
