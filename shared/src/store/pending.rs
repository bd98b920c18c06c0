//! Changes of lists that many write, left to the lists' drainer (`group_commit`).

use aws_sdk_dynamodb::types::TransactWriteItem;

use super::{
    Store, StoreError,
    item::{Condition, Item},
};
use crate::secret::sha256_hex;

/// Partitions that the pending items of a list are spread over, so that no one of them takes every write.
pub(super) const SHARDS: u8 = 4;

/// Lists that are written by group commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedList {
    /// All studies, and those in each state.
    Studies,
    /// All organizations.
    Organizations,
    /// The audit trail, for each combination of filters.
    Audit,
    /// Test sessions, for each combination of filters.
    TestSessions,
    /// Testers, for each combination of filters, and the index that matching reads.
    Testers,
    /// Proposals, for each combination of filters.
    Proposals,
    /// The queue of outreach messages.
    Messages,
    /// Payouts, for each combination of filters.
    Payouts,
}

impl SharedList {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Studies,
        Self::Organizations,
        Self::Audit,
        Self::TestSessions,
        Self::Testers,
        Self::Proposals,
        Self::Messages,
        Self::Payouts,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Studies => "studies",
            Self::Organizations => "organizations",
            Self::Audit => "audit",
            Self::TestSessions => "tests",
            Self::Testers => "testers",
            Self::Proposals => "proposals",
            Self::Messages => "messages",
            Self::Payouts => "payouts",
        }
    }

    /// The lists whose pending change has this partition key; `None` when it is another item's.
    #[must_use]
    pub fn of_pending(pk: &str) -> Option<Self> {
        let (name, shard) = pk.strip_prefix("WORK#")?.split_once('#')?;
        shard.parse::<u8>().ok()?;
        Self::ALL.into_iter().find(|list| list.as_str() == name)
    }

    pub(super) fn pk(self, shard: u8) -> String {
        format!("WORK#{}#{shard}", self.as_str())
    }

    pub(super) fn drain_key(self) -> (String, String) {
        (self.pk(0), "DRAIN".to_owned())
    }
}

/// A change of shared lists that waits for its drainer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending<'a> {
    /// The lists.
    pub(super) list: SharedList,
    /// What tells it from every other change; the same again when a write is tried again.
    pub(super) id: &'a str,
    /// The ids of the entities, with spaces between; behind a session's or a payout's, what is known of its move.
    pub(super) subjects: &'a str,
    /// Whether the entities are new, so that they are in no list yet.
    pub(super) new: bool,
}

/// Where a change stands.
pub(super) fn pending_key(list: SharedList, id: &str) -> (String, String) {
    let shard = sha256_hex(id.as_bytes()).bytes().next().map_or(0, |digit| digit % SHARDS);
    (list.pk(shard), format!("PENDING#{id}"))
}

impl Store {
    /// The transaction member that leaves a change of shared lists to their drainer.
    pub(super) fn pending_member(&self, pending: Pending<'_>) -> Result<TransactWriteItem, StoreError> {
        // the attribute by which the table's stream brings it to the work function, like any new work
        let (pk, sk) = pending_key(pending.list, pending.id);
        Item::new(pk, sk)
            .text("subjects", pending.subjects)
            .number("new", u8::from(pending.new))
            .number("attempt", 0)
            .put(&self.main, Condition::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pending_changes_are_told_from_other_work() {
        assert_eq!(SharedList::of_pending("WORK#studies#3"), Some(SharedList::Studies));
        assert_eq!(SharedList::of_pending("WORK#audit#0"), Some(SharedList::Audit));
        assert_eq!(SharedList::of_pending("WORK#tests#1"), Some(SharedList::TestSessions));
        for other in ["WORK#3", "WORK#studies", "WORK#studies#x", "RANK#studies"] {
            assert_eq!(SharedList::of_pending(other), None, "{other}");
        }
    }
}
