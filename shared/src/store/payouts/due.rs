//! What the job `payout-retry` finds (openscouter 20): payouts whose next try is due, and accounts that take payouts since
//! some waited for them.

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use time::OffsetDateTime;

use crate::{
    clock::epoch_millis,
    model::{Payout, PayoutId, PayoutStatus, UserId},
    secret::sha256_hex,
    store::{
        BoxFuture, Store, StoreError,
        item::Item,
        round_trips::{items_read, round_trip},
    },
};

/// Partitions that what is due is spread over, so that no one of them takes every write.
const SHARDS: u8 = 4;

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
        let (time, what) = name.split_once('#')?;
        if time.len() != 15 || !time.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        match what.split_once('#')? {
            ("payout", id) => PayoutId::parse(id).map(Self::Retry),
            ("tester", id) => UserId::parse(id).map(Self::Enabled),
            _ => None,
        }
    }
}

fn shard_pk(shard: u8) -> String {
    format!("PAYDUE#{shard}")
}

fn key(id: &str, sk: String) -> (String, String) {
    let shard = sha256_hex(id.as_bytes()).bytes().next().map_or(0, |digit| digit % SHARDS);
    (shard_pk(shard), sk)
}

/// Where a payout stands whose next try is due at a time.
pub(super) fn due_key(at: OffsetDateTime, id: PayoutId) -> (String, String) {
    key(&id.to_string(), format!("{:015}#payout#{id}", epoch_millis(at)))
}

/// Where a tester stands whose account takes payouts: always due.
pub(super) fn enabled_key(tester: UserId) -> (String, String) {
    key(&tester.to_string(), format!("{:015}#tester#{tester}", 0))
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
        Box::pin(async move {
            // a name ends with an id, which `!` sorts behind, and before all further names
            let (start, end) = (format!("{after}!"), format!("{:015}#~", epoch_millis(now)));
            if start > end {
                return Ok(Vec::new());
            }
            let shards = (0..SHARDS).map(|shard| {
                let call = self
                    .client
                    .query()
                    .table_name(&self.main)
                    .key_condition_expression("pk = :pk AND sk BETWEEN :start AND :end")
                    .expression_attribute_values(":pk", AttributeValue::S(shard_pk(shard)))
                    .expression_attribute_values(":start", AttributeValue::S(start.clone()))
                    .expression_attribute_values(":end", AttributeValue::S(end.clone()))
                    .consistent_read(true)
                    .limit(limit);
                async move { round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error)) }
            });
            let mut names = Vec::new();
            for output in try_join_all(shards).await? {
                let items = output.items.unwrap_or_default();
                items_read(items.len());
                for item in items.into_iter().map(Item::from) {
                    names.push(item.read("due payout").text("sk")?.to_owned());
                }
            }
            names.sort();
            names.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            Ok(names)
        })
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
