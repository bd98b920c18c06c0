//! Group commit of the lists that many write: the operator's studies and organizations, the audit trail, test sessions,
//! testers, proposals, messages, payouts.
//!
//! A writer does not touch such a list. It puts a *pending* item beside its entity, in the same transaction, without a
//! condition: any number of writers, no conflicts. One drainer at a time (a lease) takes pending items by the hundred,
//! reads what the entities are now, and brings the lists in line with that: some nodes and one head for a whole batch.
//!
//! Correctness does not rest on the lease. A list's head is read before the entities are, and written only in the version
//! that was read, also where nothing changes; so whoever read an older state of an entity fails. (Sessions and payouts,
//! which are in lists of their tester's own, too, are written with the condition that they are in the version that was read.) Done
//! twice, late or in any order, nothing changes. What cannot be read is logged and left out: it must not hold the others
//! back.

use std::collections::{BTreeMap, HashMap, HashSet};

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use futures_util::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use ranked::{Change, Head};
use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    audit::{AuditPlaces, audit_key, audit_places},
    client::Written,
    collection::newest_first,
    item::Item,
    organizations::{organization_pk, read_organization},
    pending::{Pending, SHARDS, SharedList},
    round_trips::{items_read, round_trip},
    studies::{every_study, read_study, study_lists},
    study_items::study_key,
};
use crate::{
    clock::Clock,
    model::{AuditId, OrganizationId, StudyId, UserId},
    ulid,
};

/// Pending items of a partition that are taken at a time.
const TAKEN: i32 = 100;
/// Entities that are brought in line at a time.
const BATCH: usize = 400;
/// Audit records that are ranked at a time: each has lists of its own.
const AUDIT_BATCH: usize = 100;
/// Sessions that are ranked at a time: each is in lists of its tester's own, and all of them go into one transaction.
const SESSION_BATCH: usize = 12;
/// Testers who are placed at a time: the claims of all of them are one transaction, as is each list with their checks.
/// Messages, likewise.
const TESTER_BATCH: usize = 40;
/// Payouts, likewise.
const PAYOUT_BATCH: usize = 8;
/// Lists of audit records that are written at a time.
const AT_A_TIME: usize = 8;
/// Members of a transaction.
pub(super) const MAX_MEMBERS: usize = 100;

/// How far a drainer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Nothing is pending.
    All,
    /// Another drainer is at it, and takes up what is pending.
    Held,
    /// Its time was over; what is left comes again.
    More,
}

/// A pending item as it was read.
struct Taken {
    key: (String, String),
    subjects: Vec<String>,
    new: bool,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Committed {
    /// The lists are in line.
    Done,
    /// Somebody else wrote; it is read again.
    Raced,
    /// More nodes change than one transaction holds.
    TooLarge,
}

/// How long a drainer goes on.
#[derive(Clone, Copy)]
struct Slice<'a> {
    clock: &'a Clock,
    until: OffsetDateTime,
}

impl Slice<'_> {
    fn is_over(self) -> bool {
        self.clock.now() >= self.until
    }
}

impl Store {
    /// Leaves entities to the drainer of their lists, whatever is known of them.
    ///
    /// # Errors
    /// When the store fails.
    pub fn leave_to_drainer<'a>(
        &'a self,
        list: SharedList,
        id: &'a str,
        subjects: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let member = self.pending_member(Pending { list, id, subjects, new: false })?;
            match self.transact(vec![member]).await? {
                Written::Done => Ok(()),
                Written::Refused(_) => Err(StoreError::Contended(1)),
            }
        })
    }

    /// Brings lists in line with everything that is pending, unless another drainer is at it. Stops at `until`.
    ///
    /// # Errors
    /// When the store fails; what is pending stays so.
    pub fn drain<'a>(
        &'a self,
        list: SharedList,
        clock: &'a Clock,
        until: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Drained, StoreError>> {
        Box::pin(async move {
            loop {
                let holder = ulid::generate(clock.now())
                    .map_err(|error| StoreError::Call { operation: "drain", cause: error.to_string() })?;
                if !self.take_drain(list, &holder, clock.now()).await? {
                    return Ok(Drained::Held);
                }
                let drained = self.drain_held(list, Slice { clock, until }).await;
                self.release_drain(list, &holder).await?;
                if drained? == Drained::More {
                    self.come_again(list, &holder).await?;
                    return Ok(Drained::More);
                }
                // what was written since the last look found the lease held
                if self.pending(list, 1).await?.is_empty() {
                    return Ok(Drained::All);
                }
            }
        })
    }

    /// Drains lists of which the stream told these pending items, by partition and sort key. What is not there any more was
    /// drained with others: then there is nothing to do, and one read tells so.
    ///
    /// # Errors
    /// When the store fails.
    pub fn drain_told<'a>(
        &'a self,
        list: SharedList,
        told: Vec<(String, String)>,
        clock: &'a Clock,
        until: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Drained, StoreError>> {
        Box::pin(async move {
            if self.batch_get(told).await?.is_empty() {
                return Ok(Drained::All);
            }
            self.drain(list, clock, until).await
        })
    }

    /// Drains lists that have something pending, whoever was to do so.
    ///
    /// # Errors
    /// When the store fails.
    pub fn drain_left<'a>(
        &'a self,
        list: SharedList,
        clock: &'a Clock,
        until: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Drained, StoreError>> {
        Box::pin(async move {
            if self.pending(list, 1).await?.is_empty() {
                return Ok(Drained::All);
            }
            self.drain(list, clock, until).await
        })
    }

    async fn drain_held(&self, list: SharedList, slice: Slice<'_>) -> Result<Drained, StoreError> {
        loop {
            let taken = self.pending(list, TAKEN).await?;
            if taken.is_empty() {
                return Ok(Drained::All);
            }
            for part in parts(&taken, list) {
                if self.commit_pending(list, part, slice).await? {
                    self.batch_delete(part.iter().map(|pending| pending.key.clone()).collect()).await?;
                }
                if slice.is_over() {
                    return Ok(Drained::More);
                }
            }
        }
    }

    /// Wakes the next drainer: an item that is about nothing.
    async fn come_again(&self, list: SharedList, id: &str) -> Result<(), StoreError> {
        self.leave_to_drainer(list, &format!("again-{id}"), "").await
    }

    /// The first pending items of every partition.
    async fn pending(&self, list: SharedList, limit: i32) -> Result<Vec<Taken>, StoreError> {
        let shards = (0..SHARDS).map(|shard| async move {
            let call = self
                .client
                .query()
                .table_name(&self.main)
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":pk", AttributeValue::S(list.pk(shard)))
                .expression_attribute_values(":prefix", AttributeValue::S("PENDING#".to_owned()))
                .consistent_read(true)
                .limit(limit);
            let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
            let found = output.items.unwrap_or_default();
            items_read(found.len());
            found.into_iter().map(|item| read_pending(&Item::from(item))).collect::<Result<Vec<_>, _>>()
        });
        Ok(try_join_all(shards).await?.into_iter().flatten().collect())
    }

    /// Commits what some pending items are about; `Ok(false)` when the time was over before it was all.
    async fn commit_pending(&self, list: SharedList, taken: &[Taken], slice: Slice<'_>) -> Result<bool, StoreError> {
        if list == SharedList::TestSessions {
            return self.commit_moved(taken, slice).await;
        }
        if list == SharedList::Proposals {
            let moved = taken.iter().flat_map(|pending| pending.subjects.iter().cloned()).collect();
            return self.commit_halves(moved, slice, &|moved| self.commit_proposals(moved)).await;
        }
        if list == SharedList::Messages {
            let subjects = taken.iter().flat_map(|pending| pending.subjects.iter().cloned()).collect();
            return self.commit_halves(subjects, slice, &|subjects| self.commit_messages(subjects)).await;
        }
        if list == SharedList::Payouts {
            let subjects = taken.iter().flat_map(|pending| pending.subjects.iter().cloned()).collect();
            return self.commit_halves(subjects, slice, &|subjects| Box::pin(self.commit_payouts(subjects))).await;
        }
        let mut subjects: BTreeMap<&str, bool> = BTreeMap::new();
        for pending in taken {
            for subject in &pending.subjects {
                *subjects.entry(subject).or_insert(true) &= pending.new;
            }
        }
        match list {
            SharedList::Studies => {
                let ids = subjects.iter().filter_map(|(id, new)| Some((StudyId::parse(id)?, *new))).collect();
                self.commit_halves(ids, slice, &|ids| Box::pin(self.commit_studies(ids))).await
            }
            SharedList::Organizations => {
                let ids = subjects.keys().filter_map(|id| OrganizationId::parse(id)).collect();
                self.commit_halves(ids, slice, &|ids| Box::pin(self.commit_organizations(ids))).await
            }
            SharedList::Audit => {
                let ids: Vec<_> = subjects.keys().filter_map(|id| AuditId::parse(id)).collect();
                self.rank_audit(&ids, slice).await
            }
            SharedList::Testers => {
                let ids = subjects.keys().filter_map(|id| UserId::parse(id)).collect();
                self.commit_halves(ids, slice, &|ids| self.commit_testers(ids)).await
            }
            SharedList::TestSessions | SharedList::Proposals | SharedList::Messages | SharedList::Payouts => Ok(true),
        }
    }

    async fn commit_moved(&self, taken: &[Taken], slice: Slice<'_>) -> Result<bool, StoreError> {
        let subjects: Vec<_> = taken.iter().flat_map(|pending| pending.subjects.iter().cloned()).collect();
        let moved = subjects.clone();
        let commit = |moved| -> BoxFuture<'_, _> { Box::pin(self.commit_test_sessions(moved, Vec::new())) };
        if !self.commit_halves(moved, slice, &commit).await? {
            return Ok(false);
        }
        self.settle_test_sessions(&subjects, slice.clock.now()).await?;
        Ok(true)
    }

    /// Commits a batch, or the halves of one that is too large, as often as somebody else is in the way; `Ok(false)` when
    /// the time was over before it was all.
    async fn commit_halves<'a, T: Clone + Send>(
        &self,
        batch: Vec<T>,
        slice: Slice<'_>,
        commit: &(dyn Fn(Vec<T>) -> BoxFuture<'a, Result<Committed, StoreError>> + Send + Sync),
    ) -> Result<bool, StoreError> {
        let mut left = vec![batch];
        let mut attempt = 0;
        while let Some(batch) = left.pop() {
            // what was begun in time goes through, if nobody is in the way
            if attempt > 0 && slice.is_over() {
                return Ok(false);
            }
            match commit(batch.clone()).await? {
                Committed::Done => attempt = 0,
                Committed::Raced => {
                    after_lost_race(attempt).await?;
                    attempt += 1;
                    left.push(batch);
                }
                Committed::TooLarge => {
                    let (first, second) = batch.split_at(batch.len() / 2);
                    if first.is_empty() {
                        return Err(StoreError::Contended(attempt)); // one member changes a few nodes of each list
                    }
                    left.extend([second.to_vec(), first.to_vec()]);
                }
            }
        }
        Ok(true)
    }

    /// Ranks studies in the operator's lists by what they are now, and removes what is left of those that were deleted.
    async fn commit_studies(&self, batch: Vec<(StudyId, bool)>) -> Result<Committed, StoreError> {
        let lists = study_lists();
        let heads = self.heads(&lists).await?;
        let items = self.batch_get(batch.iter().map(|(id, _)| study_key(*id)).collect()).await?;
        let mut changes: BTreeMap<String, Vec<Change>> = BTreeMap::new();
        let new: HashSet<_> = batch.iter().filter(|(_, new)| *new).map(|(id, _)| *id).collect();
        let mut there = HashSet::new();
        for item in &items {
            let Some(study) = readable(read_study(item)) else {
                there.extend(item.pk().strip_prefix("STUDY#").and_then(StudyId::parse));
                continue;
            };
            let study = study.study;
            there.insert(study.id);
            let rank = newest_first(study.created_at, study.id.as_bytes());
            let wanted = [every_study(None), every_study(Some(study.status))];
            for list in &lists {
                let change = match wanted.contains(list) {
                    true => Change::Insert(rank.clone()),
                    false if new.contains(&study.id) => continue,
                    false => Change::Remove(rank.clone()),
                };
                changes.entry(list.clone()).or_default().push(change);
            }
        }
        let committed = self.commit_lists(&heads, changes).await?;
        if matches!(committed, Committed::Done) {
            for (id, _) in batch.iter().filter(|(id, _)| !there.contains(id)) {
                self.forget_deleted(*id).await?;
            }
        }
        Ok(committed)
    }

    /// Ranks organizations in the operator's list.
    async fn commit_organizations(&self, batch: Vec<OrganizationId>) -> Result<Committed, StoreError> {
        let list = super::audit::ORGANIZATIONS.to_owned();
        let heads = self.heads(std::slice::from_ref(&list)).await?;
        let keys = batch.iter().map(|id| (organization_pk(*id), "ORG".to_owned())).collect();
        let mut changes = Vec::new();
        for item in self.batch_get(keys).await? {
            let Some(organization) = readable(read_organization(&item)) else { continue };
            changes.push(Change::Insert(newest_first(organization.created_at, organization.id.as_bytes())));
        }
        self.commit_lists(&heads, BTreeMap::from([(list, changes)])).await
    }

    /// Ranks records of the audit trail in their lists; again, nothing changes.
    async fn rank_audit(&self, ids: &[AuditId], slice: Slice<'_>) -> Result<bool, StoreError> {
        let mut changes: BTreeMap<String, Vec<Change>> = BTreeMap::new();
        for item in self.batch_get(ids.iter().map(|id| audit_key(*id)).collect()).await? {
            let Some(AuditPlaces { lists, rank }) = readable(audit_places(&item)) else { continue };
            for list in lists {
                changes.entry(list).or_default().push(Change::Insert(rank.clone()));
            }
        }
        // a record never changes, so that its lists need not change together
        let lists = changes.into_iter().map(|(list, changes)| self.insert_all(list, changes, slice));
        let all = stream::iter(lists).buffer_unordered(AT_A_TIME);
        all.try_fold(true, |all, one| std::future::ready(Ok(all && one))).await
    }

    async fn insert_all(&self, list: String, changes: Vec<Change>, slice: Slice<'_>) -> Result<bool, StoreError> {
        let list = list.as_str();
        self.commit_halves(changes, slice, &|changes| {
            Box::pin(async move {
                let heads = self.heads(&[list.to_owned()]).await?;
                self.commit_lists(&heads, BTreeMap::from([(list.to_owned(), changes)])).await
            })
        })
        .await
    }

    /// The heads of lists.
    pub(super) async fn heads(&self, lists: &[String]) -> Result<HashMap<String, Head>, StoreError> {
        let found = self.batch_get(lists.iter().map(|pk| (pk.clone(), "HEAD".to_owned())).collect()).await?;
        let mut heads: HashMap<_, _> = lists.iter().map(|list| (list.clone(), Head::empty())).collect();
        for item in found {
            heads.insert(item.pk().to_owned(), super::collection::read_head(&item)?);
        }
        Ok(heads)
    }

    /// Writes changes of lists and what goes along in one transaction, if all heads are those that were read.
    pub(super) async fn commit_at_once(
        &self,
        heads: &HashMap<String, Head>,
        changes: &BTreeMap<String, Vec<Change>>,
        mut members: Vec<TransactWriteItem>,
    ) -> Result<Committed, StoreError> {
        for (list, changes) in changes {
            let Some(head) = heads.get(list) else { return Ok(Committed::Raced) };
            let Some(edit) = self.edit_of(list, head, changes).await? else { return Ok(Committed::Raced) };
            members.extend(self.write_edit(list, head, edit)?);
            if members.len() > MAX_MEMBERS {
                return Ok(Committed::TooLarge);
            }
        }
        if members.is_empty() {
            return Ok(Committed::Done);
        }
        match self.transact(members).await? {
            Written::Done => Ok(Committed::Done),
            Written::Refused(_) => Ok(Committed::Raced),
        }
    }

    /// Writes changes of lists, one list after another: each in one write, if its head is the one that was read.
    async fn commit_lists(
        &self,
        heads: &HashMap<String, Head>,
        changes: BTreeMap<String, Vec<Change>>,
    ) -> Result<Committed, StoreError> {
        let mut edits = Vec::new();
        for (list, changes) in changes.iter().filter(|(_, changes)| !changes.is_empty()) {
            let Some(head) = heads.get(list) else { return Ok(Committed::Raced) };
            let Some(edit) = self.edit_of(list, head, changes).await? else { return Ok(Committed::Raced) };
            let members = self.write_edit(list, head, edit)?;
            if members.len() > MAX_MEMBERS {
                return Ok(Committed::TooLarge);
            }
            edits.push(members);
        }
        for members in edits {
            if self.transact(members).await? != Written::Done {
                return Ok(Committed::Raced);
            }
        }
        Ok(Committed::Done)
    }
}

/// What was read; `None` for what cannot be, which the log tells.
fn readable<T>(read: Result<T, StoreError>) -> Option<T> {
    read.inspect_err(|error| tracing::error!(cause = %error, "left out of its lists")).ok()
}

/// A pending item. One that says nothing that can be read is about nothing.
fn read_pending(item: &Item) -> Result<Taken, StoreError> {
    let reader = item.read("pending change");
    let key = (item.pk().to_owned(), reader.text("sk")?.to_owned());
    let said = readable(reader.text("subjects").and_then(|subjects| Ok((subjects, reader.flag("new")?))));
    let (subjects, new) = said.unwrap_or_default();
    Ok(Taken { key, subjects: subjects.split_whitespace().map(str::to_owned).collect(), new })
}

/// Pending items in parts that have about a batch of entities each.
fn parts(taken: &[Taken], list: SharedList) -> Vec<&[Taken]> {
    let most = match list {
        SharedList::Audit => AUDIT_BATCH,
        SharedList::TestSessions | SharedList::Proposals => SESSION_BATCH,
        SharedList::Testers | SharedList::Messages => TESTER_BATCH,
        SharedList::Payouts => PAYOUT_BATCH,
        SharedList::Studies | SharedList::Organizations => BATCH,
    };
    let mut parts = Vec::new();
    let (mut start, mut entities) = (0, 0);
    for (position, pending) in taken.iter().enumerate() {
        let begun = position > start;
        if begun && entities + pending.subjects.len() > most {
            parts.extend(taken.get(start..position));
            (start, entities) = (position, 0);
        }
        entities += pending.subjects.len();
    }
    parts.extend(taken.get(start..).filter(|part| !part.is_empty()));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_every_pending_item_once() {
        let taken: Vec<_> = [1_usize, 399, 1, 500, 3]
            .iter()
            .map(|subjects| Taken {
                key: (String::new(), String::new()),
                subjects: vec![String::new(); *subjects],
                new: true,
            })
            .collect();
        let sizes: Vec<_> = parts(&taken, SharedList::Studies).iter().map(|part| part.len()).collect();
        assert_eq!(sizes, [2, 1, 1, 1]);
        assert!(parts(&[], SharedList::Audit).is_empty());
    }
}
