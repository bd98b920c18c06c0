//! Testers' accounts at Stripe, and what waits for them to take payouts (openscouter 16.1, 16.2).

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use time::OffsetDateTime;

use super::{
    due::enabled_key,
    item::{OWED, stripe_key},
    lists::tester_lists,
};
use crate::{
    model::{Payee, Payout, PayoutId, PayoutStatus, UserId, WorkItem, WorkKind},
    store::{
        BoxFuture, Store, StoreError, after_lost_race,
        client::Written,
        item::{Condition, Item, check, check_version, delete},
        retry::MAX_ATTEMPTS,
        user_items::user_pk,
    },
};

/// Payouts that are begun at a time, once an account takes them.
const SLICE: i32 = 25;

fn payee_key(tester: UserId) -> (String, String) {
    (user_pk(tester), "PAYEE".to_owned())
}

fn payee_item(payee: &Payee) -> Item {
    let (pk, sk) = payee_key(payee.tester);
    let item = Item::new(pk, sk)
        .text("tester", payee.tester.to_string())
        .text("account", &*payee.account)
        .number("payouts_enabled", u8::from(payee.payouts_enabled))
        .number("version", payee.version);
    match payee.told_at {
        Some(told_at) => item.number("told_at", told_at),
        None => item,
    }
}

fn read_payee(item: &Item) -> Result<Payee, StoreError> {
    let reader = item.read("payee");
    Ok(Payee {
        tester: reader.parsed("tester", UserId::parse)?,
        account: reader.text("account")?.to_owned(),
        payouts_enabled: reader.flag("payouts_enabled")?,
        told_at: reader.number("told_at").ok(),
        version: reader.number("version")?,
    })
}

/// The work that begins what waits for a tester's account.
fn release_of(payee: &Payee) -> WorkItem {
    WorkItem {
        id: format!("payee-{}-{}", payee.tester, payee.version),
        kind: WorkKind::ReleasePayouts,
        subject: payee.tester.to_string(),
        attempt: 0,
    }
}

impl Store {
    /// A tester's account at Stripe.
    ///
    /// # Errors
    /// When the store fails.
    pub fn payee(&self, tester: UserId) -> BoxFuture<'_, Result<Option<Payee>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = payee_key(tester);
            self.get(&self.main, pk, sk).await?.as_ref().map(read_payee).transpose()
        })
    }

    /// What Stripe's id leads to, by the attribute that names it.
    pub(in crate::store) async fn led_to(&self, id: &str, what: &'static str) -> Result<Option<String>, StoreError> {
        let (pk, sk) = stripe_key(id);
        let item = self.get(&self.main, pk, sk).await?;
        Ok(item.and_then(|item| item.read("Stripe's id").optional_text(what).map(str::to_owned)))
    }

    /// The member that holds as long as a tester's account is as it was read.
    pub(super) fn payee_member(&self, tester: UserId, read: Option<&Payee>) -> Result<TransactWriteItem, StoreError> {
        let (pk, sk) = payee_key(tester);
        match read {
            Some(payee) => check_version(&self.main, pk, sk, payee.version),
            None => check(&self.main, (pk, sk), "attribute_not_exists(pk)", None, []),
        }
    }

    /// Keeps the account that was made for a tester, unless there is one already: the one that is there then; `None` when
    /// there is no such tester any more. (openscouter 16.1)
    ///
    /// # Errors
    /// When the store fails.
    pub fn keep_payee<'a>(
        &'a self,
        tester: UserId,
        account: &'a str,
    ) -> BoxFuture<'a, Result<Option<Payee>, StoreError>> {
        Box::pin(async move {
            let payee =
                Payee { tester, account: account.to_owned(), payouts_enabled: false, told_at: None, version: 1 };
            for attempt in 0..MAX_ATTEMPTS {
                if let Some(known) = self.payee(tester).await? {
                    return Ok(Some(known));
                }
                let (pk, sk) = stripe_key(account);
                let user = (user_pk(tester), "USER".to_owned());
                let members = vec![
                    payee_item(&payee).put(&self.main, Condition::Absent)?,
                    Item::new(pk, sk).text("tester", tester.to_string()).put(&self.main, Condition::None)?,
                    // a mark that the user was deleted has no address
                    check(&self.main, user, "attribute_exists(#name)", Some("email"), [])?,
                ];
                match self.transact(members).await? {
                    Written::Done => return Ok(Some(payee)),
                    Written::Refused(failed) if failed.contains(&2) => return Ok(None),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// The members of what an event says of an account; none when it is not known, or a newer event was heard. Once it
    /// takes payouts, what waits for it is begun by work, and by the job that finds it among what is due.
    pub(in crate::store) async fn account_members(
        &self,
        account: &str,
        enabled: bool,
        created: i64,
        now: OffsetDateTime,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let tester = self.led_to(account, "tester").await?.and_then(|id| UserId::parse(&id));
        let Some(tester) = tester else { return Ok(Vec::new()) };
        let Some(payee) = self.payee(tester).await?.filter(|payee| payee.account == account) else {
            return Ok(Vec::new());
        };
        if payee.told_at.is_some_and(|told_at| created < told_at) {
            return Ok(Vec::new());
        }
        let (version, begins) = (payee.version, enabled && !payee.payouts_enabled);
        let next = Payee { payouts_enabled: enabled, told_at: Some(created), version: version + 1, ..payee };
        let mut members = vec![payee_item(&next).put(&self.main, Condition::Version(version))?];
        if begins {
            members.push(self.work_member(&release_of(&next), now)?);
            let (pk, sk) = enabled_key(tester);
            members.push(Item::new(pk, sk).put(&self.main, Condition::None)?);
        }
        Ok(members)
    }

    /// Begins some of what waits for a tester's account; `Ok(true)` when nothing is left. Again, nothing changes.
    ///
    /// # Errors
    /// When the store fails.
    pub fn release_payouts(&self, tester: UserId, now: OffsetDateTime) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let payee = self.payee(tester).await?.filter(|payee| payee.payouts_enabled);
            if let Some(payee) = payee {
                let owed = self.owed(tester).await?;
                for id in &owed {
                    let begin = |payout: &Payout| {
                        (payout.status == PayoutStatus::Pending).then(|| payout.begun(&payee.account))
                    };
                    self.update_payout(*id, now, &begin).await?;
                }
                if !owed.is_empty() {
                    return Ok(false);
                }
            }
            let (pk, sk) = enabled_key(tester);
            self.transact(vec![delete(&self.main, pk, sk)?]).await?;
            Ok(true)
        })
    }

    /// Some of the payouts that wait for a tester's account.
    async fn owed(&self, tester: UserId) -> Result<Vec<PayoutId>, StoreError> {
        let keys = self.some_keys(user_pk(tester), OWED, SLICE).await?;
        Ok(keys.iter().filter_map(|(_, sk)| PayoutId::parse(sk.strip_prefix(OWED)?)).collect())
    }

    /// Ends some of what waits for the account of a tester who is gone, then removes the tester's own lists; `Ok(true)` when
    /// nothing is left. What is under way goes on.
    pub(in crate::store) async fn erase_payouts(
        &self,
        tester: UserId,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let owed = self.owed(tester).await?;
        for id in &owed {
            let lapse = |payout: &Payout| (payout.status == PayoutStatus::Pending).then(|| payout.lapsed());
            self.update_payout(*id, now, &lapse).await?;
        }
        if owed.is_empty() {
            for list in tester_lists(tester) {
                self.drop_items(&list, "").await?;
            }
        }
        Ok(owed.is_empty())
    }

    /// Where Stripe's id of a tester's account leads here, for the deletion.
    pub(in crate::store) fn payee_link(item: &Item) -> Option<(String, String)> {
        item.0.get("account").and_then(|value: &AttributeValue| value.as_s().ok()).map(|account| stripe_key(account))
    }
}
