//! Approvals (openscouter 12.4, 17). A study's live ones stand together in one item, so that the gate costs one read.

mod mended;

use aws_sdk_dynamodb::types::TransactWriteItem;
use ranked::{Change, Head};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use self::mended::Mended;
use super::{
    BoxFuture, Page, Store, StoreError, after_lost_race,
    client::Written,
    collection::newest_first,
    item::{Condition, Item, delete},
    retry::MAX_ATTEMPTS,
    studies::study_pk,
};
use crate::{
    clock::{epoch_micros, from_epoch_micros},
    model::{Approval, ApprovalId, AuditEntry, StudyId, UserId},
};

/// Approvals that count as active, in the order of their ends.
const BY_END: &str = "RANK#approvals/by-end";
/// Approvals that may have ended since the last sweep and are still shown rightly.
const MAX_ENDED: u32 = 1_000;
const LIVE: &str = "APPROVALS";

/// An approval that counts as active, as it stands beside its study; one that ended stays until the sweep.
#[derive(Debug, Serialize, Deserialize)]
struct Live {
    id: String,
    /// When it was given; microseconds since the Unix epoch, as its end.
    from: i64,
    end: i64,
}

impl Live {
    /// Its rank in the lists.
    fn rank(&self) -> Option<Vec<u8>> {
        Some(newest_first(from_epoch_micros(self.from)?, ApprovalId::parse(&self.id)?.as_bytes()))
    }
}

fn approval_key(id: ApprovalId) -> (String, String) {
    (format!("APPR#{id}"), "APPR".to_owned())
}

fn approval_item(approval: &Approval) -> Item {
    let (pk, sk) = approval_key(approval.id);
    Item::new(pk, sk)
        .text("id", approval.id.to_string())
        .text("study", approval.study.to_string())
        .text("approved_by", approval.approved_by.to_string())
        .optional_text("reason", approval.reason.as_deref())
        .time("created_at", approval.created_at)
        .time("expires_at", approval.expires_at)
        .optional_time("revoked_at", approval.revoked_at)
        .number("version", if approval.revoked_at.is_some() { 2 } else { 1 })
}

fn read_approval(item: &Item) -> Result<Approval, StoreError> {
    let reader = item.read("approval");
    Ok(Approval {
        id: reader.parsed("id", ApprovalId::parse)?,
        study: reader.parsed("study", StudyId::parse)?,
        approved_by: reader.parsed("approved_by", UserId::parse)?,
        reason: reader.optional_text("reason").map(str::to_owned),
        created_at: reader.time("created_at")?,
        expires_at: reader.time("expires_at")?,
        revoked_at: reader.optional_time("revoked_at")?,
    })
}

fn list(study: Option<StudyId>, active: Option<bool>) -> String {
    let study = study.map(|study| format!("{study}#")).unwrap_or_default();
    match active {
        None => format!("RANK#{study}approvals"),
        Some(active) => format!("RANK#{study}approvals/active={active}"),
    }
}

/// End, id, and when it was given, so that the rank in the other lists follows from it.
fn by_end(approval: &Approval) -> Vec<u8> {
    let mut rank = epoch_micros(approval.expires_at).cast_unsigned().to_be_bytes().to_vec();
    rank.extend_from_slice(approval.id.as_bytes());
    rank.extend_from_slice(&epoch_micros(approval.created_at).to_be_bytes());
    rank
}

/// The id in a rank of [`by_end`], and the rank in the other lists.
fn ended(rank: &[u8]) -> Option<(ApprovalId, Vec<u8>)> {
    let id: [u8; 16] = rank.get(8..24)?.try_into().ok()?;
    let from = i64::from_be_bytes(rank.get(24..)?.try_into().ok()?);
    Some((ApprovalId::from_uuid(Uuid::from_bytes(id)), newest_first(from_epoch_micros(from)?, &id)))
}

/// Which approvals a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApprovalFilter {
    /// Of this study.
    pub study: Option<StudyId>,
    /// Whether they hold now.
    pub active: Option<bool>,
}

impl Store {
    async fn live(&self, study: StudyId) -> Result<(Vec<Live>, u64), StoreError> {
        let Some(item) = self.get(&self.main, study_pk(study), LIVE.to_owned()).await? else {
            return Ok((Vec::new(), 0));
        };
        let reader = item.read("approvals");
        Ok((reader.parsed("live", |text| serde_json::from_str(text).ok())?, reader.number("version")?))
    }

    fn live_member(&self, study: StudyId, live: &[Live], version: u64) -> Result<TransactWriteItem, StoreError> {
        let text = serde_json::to_string(live).unwrap_or_else(|_| "[]".to_owned());
        let item = Item::new(study_pk(study), LIVE.to_owned()).text("live", text).number("version", version + 1);
        item.put(&self.main, if version == 0 { Condition::Absent } else { Condition::Version(version) })
    }

    /// Whether a study's agents may work now, in one read; the id of the approval that says so.
    ///
    /// # Errors
    /// When the store fails.
    pub fn current_approval(
        &self,
        study: StudyId,
        now: OffsetDateTime,
    ) -> BoxFuture<'_, Result<Option<ApprovalId>, StoreError>> {
        Box::pin(async move {
            let now = epoch_micros(now);
            let (live, _) = self.live(study).await?;
            let current = live.iter().find(|live| live.from <= now && now < live.end);
            Ok(current.and_then(|live| ApprovalId::parse(&live.id)))
        })
    }

    /// Stores an approval.
    ///
    /// # Errors
    /// When the store fails.
    pub fn create_approval<'a>(
        &'a self,
        approval: &'a Approval,
        audit: &'a AuditEntry,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let rank = newest_first(approval.created_at, approval.id.as_bytes());
            let lists: Vec<_> = [None, Some(approval.study)]
                .into_iter()
                .flat_map(|study| [list(study, None), list(study, Some(true))])
                .collect();
            let id = approval.id.to_string();
            for attempt in 0..MAX_ATTEMPTS {
                let (mut live, version) = self.live(approval.study).await?;
                if live.iter().any(|live| live.id == id) {
                    return Ok(()); // the answer to an earlier attempt was lost
                }
                let (from, end) = (epoch_micros(approval.created_at), epoch_micros(approval.expires_at));
                live.push(Live { id: id.clone(), from, end });
                let ranked = self.rank_in_all(&lists, &Change::Insert(rank.clone())).await?;
                let ended = self.rank_changes(BY_END, &[Change::Insert(by_end(approval))]).await?;
                if let (Some(ranked), Some(ended)) = (ranked, ended) {
                    let mut members = vec![
                        approval_item(approval).put(&self.main, Condition::Absent)?,
                        self.live_member(approval.study, &live, version)?,
                    ];
                    members.extend(ranked.into_iter().chain(ended));
                    members.extend(self.audit_members(audit)?);
                    if self.transact(members).await? == Written::Done {
                        return Ok(());
                    }
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// An approval.
    ///
    /// # Errors
    /// When the store fails.
    pub fn approval(&self, id: ApprovalId) -> BoxFuture<'_, Result<Option<Approval>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = approval_key(id);
            self.get(&self.main, pk, sk).await?.as_ref().map(read_approval).transpose()
        })
    }

    /// Withdraws an approval; of one that was withdrawn already nothing is new. `None` when there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub fn revoke_approval<'a>(
        &'a self,
        id: ApprovalId,
        audit: &'a AuditEntry,
    ) -> BoxFuture<'a, Result<Option<Approval>, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let Some(known) = self.approval(id).await? else { return Ok(None) };
                if known.revoked_at.is_some() {
                    return Ok(Some(known));
                }
                let revoked = Approval { revoked_at: Some(audit.at), ..known };
                if let Some(mut members) = self.retired(&revoked).await? {
                    members.push(approval_item(&revoked).put(&self.main, Condition::Version(1))?);
                    members.extend(self.audit_members(audit)?);
                    if self.transact(members).await? == Written::Done {
                        return Ok(Some(revoked));
                    }
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// The members that move an approval from those that hold to those that do not.
    async fn retired(&self, approval: &Approval) -> Result<Option<Vec<TransactWriteItem>>, StoreError> {
        let (mut live, version) = self.live(approval.study).await?;
        let id = approval.id.to_string();
        live.retain(|live| live.id != id);
        let rank = newest_first(approval.created_at, approval.id.as_bytes());
        let of = |active: bool| [None, Some(approval.study)].map(|study| list(study, Some(active)));
        let left = self.rank_in_all(&of(true), &Change::Remove(rank.clone())).await?;
        let entered = self.rank_in_all(&of(false), &Change::Insert(rank)).await?;
        let ended = self.rank_changes(BY_END, &[Change::Remove(by_end(approval))]).await?;
        let (Some(left), Some(entered), Some(ended)) = (left, entered, ended) else { return Ok(None) };
        let mut members = vec![self.live_member(approval.study, &live, version)?];
        members.extend(left.into_iter().chain(entered).chain(ended));
        Ok(Some(members))
    }

    /// One page of approvals, newest first. Between two sweeps an approval can end: such ones are told apart here,
    /// so that a page is true at its moment and costs the same at any depth.
    ///
    /// # Errors
    /// When the store fails.
    pub fn approvals_page(
        &self,
        filter: ApprovalFilter,
        offset: u64,
        limit: u32,
        now: OffsetDateTime,
    ) -> BoxFuture<'_, Result<Page<Approval>, StoreError>> {
        Box::pin(async move {
            let key = |id| approval_key(ApprovalId::from_uuid(id));
            let pk = list(filter.study, filter.active);
            let Some(active) = filter.active else {
                return self.page_of(&pk, (None, None), (offset, limit), key, read_approval).await;
            };
            let ended = self.ended_ranks(filter.study, now).await?;
            for attempt in 0.. {
                let head = self.head(&pk).await?;
                if let Some(misplaced) = self.misplaced(&pk, &head, &ended, active).await? {
                    let mended = Mended { stored: head.total, misplaced: &misplaced, active };
                    let (first, count) = mended.span(offset, limit.into());
                    let count = usize::try_from(count).unwrap_or(usize::MAX);
                    if let Some(stored) = self.ranks(&pk, &head, first, count).await? {
                        let ranks = mended.page(stored, offset, limit.into());
                        let members = self.members_of(&ranks, key, read_approval).await?;
                        return Ok(Page { total: mended.total(), members });
                    }
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(u32::MAX))
        })
    }

    /// Ranks of the approvals that ended and still count as active, in order.
    async fn ended_ranks(&self, study: Option<StudyId>, now: OffsetDateTime) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut ranks: Vec<_> = match study {
            Some(study) => {
                let now = epoch_micros(now);
                self.live(study).await?.0.iter().filter(|live| live.end <= now).filter_map(Live::rank).collect()
            }
            None => {
                let (_, ranks) = self.ranked_page(BY_END, (None, Some(first_after(now))), 0, MAX_ENDED).await?;
                ranks.iter().filter_map(|rank| Some(ended(rank)?.1)).collect()
            }
        };
        ranks.sort();
        Ok(ranks)
    }

    /// Those of the ended ones that a list has and should not have, or the other way round, each with the number of
    /// the list's members before it; `None` when a writer was in the way.
    async fn misplaced(
        &self,
        pk: &str,
        head: &Head,
        ended: &[Vec<u8>],
        active: bool,
    ) -> Result<Option<Vec<(u64, Vec<u8>)>>, StoreError> {
        let mut misplaced = Vec::new();
        for rank in ended {
            let Some(before) = self.rank_of(pk, head, rank).await? else { return Ok(None) };
            let Some(there) = self.ranks(pk, head, before, 1).await? else { return Ok(None) };
            if (there.first() == Some(rank)) == active {
                misplaced.push((before, rank.clone()));
            }
        }
        Ok(Some(misplaced))
    }

    /// Takes approvals that ended from those that hold to those that do not, at most `limit`: how many were taken,
    /// and how many could not be.
    ///
    /// # Errors
    /// When the list of ends cannot be read.
    pub fn retire_approvals(&self, now: OffsetDateTime, limit: u32) -> BoxFuture<'_, Result<(u32, u32), StoreError>> {
        Box::pin(async move {
            let (_, due) = self.ranked_page(BY_END, (None, Some(first_after(now))), 0, limit).await?;
            let (mut retired, mut failed) = (0, 0);
            for rank in due {
                match self.retire(&rank).await {
                    Ok(()) => retired += 1,
                    // one that fails stops no other, and is due again
                    Err(error) => {
                        tracing::error!(cause = %error, "approval not retired");
                        failed += 1;
                    }
                }
            }
            Ok((retired, failed))
        })
    }

    async fn retire(&self, rank: &[u8]) -> Result<(), StoreError> {
        for attempt in 0..MAX_ATTEMPTS {
            let approval = match ended(rank) {
                Some((id, _)) => self.approval(id).await?,
                None => None,
            };
            let members = match &approval {
                Some(approval) => self.retired(approval).await?,
                None => self.rank_changes(BY_END, &[Change::Remove(rank.to_vec())]).await?,
            };
            if let Some(members) = members
                && self.transact(members).await? == Written::Done
            {
                return Ok(());
            }
            after_lost_race(attempt).await?;
        }
        Err(StoreError::Contended(MAX_ATTEMPTS))
    }

    /// Removes a study's approvals, each with its places in the lists.
    pub(super) async fn erase_approvals(&self, study: StudyId) -> Result<(), StoreError> {
        loop {
            let filter = ApprovalFilter { study: Some(study), active: None };
            let page = self.approvals_page(filter, 0, 25, OffsetDateTime::UNIX_EPOCH).await?;
            if page.members.is_empty() {
                break;
            }
            for approval in &page.members {
                self.erase_approval(approval).await?;
            }
        }
        for active in [None, Some(true), Some(false)] {
            self.erase_partition(list(Some(study), active), "", |_, _| None).await?;
        }
        Ok(())
    }

    async fn erase_approval(&self, approval: &Approval) -> Result<(), StoreError> {
        let rank = newest_first(approval.created_at, approval.id.as_bytes());
        let lists: Vec<_> = [None, Some(true), Some(false)]
            .into_iter()
            .flat_map(|active| [list(None, active), list(Some(approval.study), active)])
            .collect();
        for attempt in 0..MAX_ATTEMPTS {
            let ranked = self.rank_in_all(&lists, &Change::Remove(rank.clone())).await?;
            let by_end = self.rank_changes(BY_END, &[Change::Remove(by_end(approval))]).await?;
            if let (Some(ranked), Some(by_end)) = (ranked, by_end) {
                let (pk, sk) = approval_key(approval.id);
                let mut members = vec![delete(&self.main, pk, sk)?];
                members.extend(ranked.into_iter().chain(by_end));
                if self.transact(members).await? == Written::Done {
                    return Ok(());
                }
            }
            after_lost_race(attempt).await?;
        }
        Err(StoreError::Contended(MAX_ATTEMPTS))
    }
}

/// The first rank among those of [`by_end`] of an approval that still holds.
fn first_after(now: OffsetDateTime) -> Vec<u8> {
    (epoch_micros(now) + 1).cast_unsigned().to_be_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_tells_the_rank_in_the_other_lists() {
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
        let approval = Approval {
            id: ApprovalId::at(now),
            study: StudyId::at(now),
            approved_by: UserId::at(now),
            reason: None,
            created_at: now,
            expires_at: now + time::Duration::days(7),
            revoked_at: None,
        };
        let rank = newest_first(now, approval.id.as_bytes());
        assert_eq!(ended(&by_end(&approval)), Some((approval.id, rank.clone())));
        let live = Live { id: approval.id.to_string(), from: epoch_micros(now), end: 0 };
        assert_eq!(live.rank(), Some(rank));
    }
}
