//! Approvals (openscouter 12.4, 17). A study's live ones stand together in one item, so that the gate costs one read.

use aws_sdk_dynamodb::types::TransactWriteItem;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    BoxFuture, Page, Store, StoreError,
    accounts::MOST_ATTEMPTS,
    after_lost_race,
    client::Written,
    collection::newest_first,
    item::{Condition, Item},
    ranked::Change,
    studies::study_pk,
};
use crate::{
    clock::{epoch_micros, from_epoch_micros},
    model::{Approval, ApprovalId, AuditEntry, StudyId, UserId},
};

/// Live approvals in the order of their ends.
const BY_END: &str = "RANK#approvals/by-end";
/// Ended approvals that one look takes off the lists at a time.
const SWEPT: u32 = 25;
const LIVE: &str = "APPROVALS";

/// A live approval as it stands beside its study.
#[derive(Debug, Serialize, Deserialize)]
struct Live {
    id: String,
    from: i64,
    end: i64,
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

fn by_end(approval: &Approval) -> Vec<u8> {
    let mut rank = epoch_micros(approval.expires_at).cast_unsigned().to_be_bytes().to_vec();
    rank.extend_from_slice(approval.id.as_bytes());
    rank
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
            for attempt in 0..MOST_ATTEMPTS {
                let (mut live, version) = self.live(approval.study).await?;
                if live.iter().any(|live| live.id == id) {
                    return Ok(()); // the answer to an earlier attempt was lost
                }
                let now = epoch_micros(approval.created_at);
                live.retain(|live| live.end > now);
                live.push(Live { id: id.clone(), from: now, end: epoch_micros(approval.expires_at) });
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
            Err(StoreError::Contended(MOST_ATTEMPTS))
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
            for attempt in 0..MOST_ATTEMPTS {
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
            Err(StoreError::Contended(MOST_ATTEMPTS))
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

    /// One page of approvals, newest first. Those that ended since the last look change their lists first, each once.
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
            if filter.active.is_some() {
                self.retire_ended(now).await?;
            }
            let key = |id| approval_key(ApprovalId::from_uuid(id));
            let pk = list(filter.study, filter.active);
            self.page_of(&pk, (None, None), (offset, limit), key, read_approval).await
        })
    }

    async fn retire_ended(&self, now: OffsetDateTime) -> Result<(), StoreError> {
        let end = (epoch_micros(now) + 1).cast_unsigned().to_be_bytes().to_vec();
        for attempt in 0.. {
            let (_, ended) = self.ranked_page(BY_END, (None, Some(end.clone())), 0, SWEPT).await?;
            let Some(rank) = ended.first() else { return Ok(()) };
            let id = rank.get(8..).and_then(|id| <[u8; 16]>::try_from(id).ok()).map(Uuid::from_bytes);
            let approval = match id {
                Some(id) => self.approval(ApprovalId::from_uuid(id)).await?,
                None => None,
            };
            let members = match &approval {
                Some(approval) => self.retired(approval).await?,
                None => self.rank_changes(BY_END, &[Change::Remove(rank.clone())]).await?,
            };
            let written = match members {
                Some(members) => self.transact(members).await? == Written::Done,
                None => false,
            };
            if !written {
                after_lost_race(attempt).await?;
            }
        }
        Err(StoreError::Contended(u32::MAX))
    }

    /// Removes a study's approvals.
    pub(super) async fn erase_approvals(&self, study: StudyId) -> Result<(), StoreError> {
        let far = from_epoch_micros(i64::MAX / 4).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        loop {
            let filter = ApprovalFilter { study: Some(study), active: None };
            let page = self.approvals_page(filter, 0, 25, far).await?;
            if page.members.is_empty() {
                break;
            }
            for approval in &page.members {
                let rank = newest_first(approval.created_at, approval.id.as_bytes());
                let lists: Vec<_> = [None, Some(true), Some(false)]
                    .into_iter()
                    .flat_map(|active| [list(None, active), list(Some(study), active)])
                    .collect();
                self.remove_everywhere(&lists, rank).await?;
                self.remove_everywhere(&[BY_END.to_owned()], by_end(approval)).await?;
                self.batch_delete(vec![approval_key(approval.id)]).await?;
            }
        }
        for active in [None, Some(true), Some(false)] {
            self.erase_partition(list(Some(study), active), "", |_, _| None).await?;
        }
        Ok(())
    }
}
