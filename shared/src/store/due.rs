//! What comes due: items named for their time, in partitions that a sweep reads from the longest overdue on.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use futures_util::future::try_join_all;
use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError,
    item::{Condition, Item, delete_version},
    round_trips::{items_read, round_trip},
};
use crate::{clock::epoch_millis, secret::sha256_hex};

/// Digits of the time in a name.
const DIGITS: usize = 15;
/// Partitions of a list, so that no one of them takes every write.
const SHARDS: u8 = 4;

/// A list of what comes due.
#[derive(Clone, Copy, Debug)]
pub(super) enum DueList {
    /// In one partition.
    Whole(&'static str),
    /// Over several, whose keys begin so.
    Spread(&'static str),
}

/// Payouts to try again, and accounts that take payouts since some waited (openscouter 20).
pub(super) const PAYOUTS: DueList = DueList::Spread("PAYDUE");
/// Messages that were approved (openscouter 14.2).
pub(super) const MESSAGES: DueList = DueList::Spread("SENDDUE");
/// Proposals that end, and who is to be reminded (openscouter 20).
pub(super) const REMINDERS: DueList = DueList::Spread("REMINDDUE");

impl DueList {
    fn partitions(self) -> Vec<String> {
        match self {
            Self::Whole(name) => vec![name.to_owned()],
            Self::Spread(name) => (0..SHARDS).map(|shard| format!("{name}#{shard}")).collect(),
        }
    }

    /// Where something stands whose digest of `id` says in which partition.
    pub(super) fn key(self, id: &str, name: String) -> (String, String) {
        let shard = sha256_hex(id.as_bytes()).bytes().next().map_or(0, |digit| digit % SHARDS);
        match self {
            Self::Whole(list) => (list.to_owned(), name),
            Self::Spread(list) => (format!("{list}#{shard}"), name),
        }
    }
}

/// The name of something that is due at a time; names sort by it.
pub(super) fn due_name(at: OffsetDateTime, what: &str) -> String {
    format!("{:015}#{what}", epoch_millis(at))
}

/// A name's time, and what is due.
pub(super) fn read_due_name(name: &str) -> Option<(OffsetDateTime, &str)> {
    let (digits, what) = name.split_once('#')?;
    if digits.len() != DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos = digits.parse::<i128>().ok()?.checked_mul(1_000_000)?;
    Some((OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?, what))
}

impl Store {
    /// At most `limit` names of what is due at `now`, in order, behind the name `after`, which may be empty.
    pub(super) fn due_names<'a>(
        &'a self,
        list: DueList,
        after: &'a str,
        now: OffsetDateTime,
        limit: i32,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        Box::pin(async move {
            // `!` sorts behind the name itself, and before all that a longer one could go on with
            let (start, end) = (format!("{after}!"), due_name(now, "~"));
            if start > end {
                return Ok(Vec::new());
            }
            let partitions = list.partitions().into_iter().map(|pk| {
                let call = self
                    .client
                    .query()
                    .table_name(&self.main)
                    .key_condition_expression("pk = :pk AND sk BETWEEN :start AND :end")
                    .expression_attribute_values(":pk", AttributeValue::S(pk))
                    .expression_attribute_values(":start", AttributeValue::S(start.clone()))
                    .expression_attribute_values(":end", AttributeValue::S(end.clone()))
                    .consistent_read(true)
                    .limit(limit);
                async move { round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error)) }
            });
            let mut names = Vec::new();
            for output in try_join_all(partitions).await? {
                let items = output.items.unwrap_or_default();
                items_read(items.len());
                for item in items.into_iter().map(Item::from) {
                    names.push(item.read("due").text("sk")?.to_owned());
                }
            }
            names.sort();
            names.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            Ok(names)
        })
    }

    /// The member that puts something where it comes due.
    pub(super) fn due_member(&self, (pk, sk): (String, String)) -> Result<TransactWriteItem, StoreError> {
        Item::new(pk, sk).number("version", 1).put(&self.main, Condition::None)
    }

    /// The member that takes it away, as long as it stands there: of two sweeps at once one does.
    pub(super) fn taken_member(&self, (pk, sk): (String, String)) -> Result<TransactWriteItem, StoreError> {
        delete_version(&self.main, pk, sk, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_when_and_what() {
        let at = OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(12_345);
        assert_eq!(due_name(at, "a#b"), "000000000012345#a#b");
        assert_eq!(read_due_name("000000000012345#a#b"), Some((at, "a#b")));
        for wrong in ["", "1#a", "00000000000x345#a", "000000000012345", "999999999999999#"] {
            assert_eq!(read_due_name(wrong), None, "{wrong}");
        }
    }
}
