//! Studies and their lists.

use ranked::{Change, Head};
use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::TransactWriteItem;
use time::OffsetDateTime;

pub(super) use super::study_items::{ListedStudy, read_study, study_item, study_pk};
use super::{
    BoxFuture, Page, Store, StoreError, UpdateError,
    client::Written,
    collection::{Collection, ranked_study, study_rank},
    item::Condition,
    pending::{Pending, SharedList},
    retry::after_lost_race,
    seats::{Progress, read_progress, seats_key},
    study_items::study_key,
};
use crate::{
    model::{OrganizationId, Status, Study, StudyId, WorkItem},
    secret::KeyHash,
};

/// Which studies a list shows: the filters whose counts are kept (outset 8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StudyFilter {
    /// All.
    All,
    /// By `active`.
    Active(bool),
    /// By one status.
    Status(Status),
}

/// A list's head that was read before it was known who calls.
#[derive(Debug)]
pub struct FirstRead {
    pk: String,
    head: Head,
}

impl StudyFilter {
    const fn collection(self) -> Collection {
        match self {
            Self::All => Collection::All,
            Self::Active(active) => Collection::Active(active),
            Self::Status(status) => Collection::InStatus(status),
        }
    }
}

/// The operator's list of all studies, or of those in a state.
pub(super) fn every_study(status: Option<Status>) -> String {
    match status {
        None => "RANK#studies".to_owned(),
        Some(status) => format!("RANK#studies/status={}", status.as_str()),
    }
}

/// The operator's lists of studies.
pub(super) fn study_lists() -> Vec<String> {
    [None].into_iter().chain(Status::ALL.into_iter().map(Some)).map(every_study).collect()
}

impl Store {
    /// The transaction members for changes of several collections of one organization.
    pub(super) async fn collection_changes(
        &self,
        organization: OrganizationId,
        changes: impl Iterator<Item = (Collection, Change)>,
    ) -> Result<Option<Vec<TransactWriteItem>>, StoreError> {
        let mut by_collection: BTreeMap<Collection, Vec<Change>> = BTreeMap::new();
        for (collection, change) in changes {
            by_collection.entry(collection).or_default().push(change);
        }
        let edits = by_collection
            .iter()
            .map(|(collection, changes)| async move { self.rank_changes(&collection.pk(organization), changes).await });
        let edits = futures_util::future::try_join_all(edits).await?;
        Ok(edits.into_iter().collect::<Option<Vec<_>>>().map(|edits| edits.into_iter().flatten().collect()))
    }

    /// Changes a study by `change`, which sees its current state and gives the next one, or `None`
    /// to leave it as it is. The check and the write are atomic: on a lost race the study is read
    /// and `change` asked again.
    ///
    /// # Errors
    /// As [`UpdateError`] says.
    pub fn update_study<'a, E: Send + 'a>(
        &'a self,
        organization: OrganizationId,
        id: StudyId,
        known: Option<Study>,
        change: &'a (dyn Fn(&Study) -> Result<Option<Study>, E> + Send + Sync),
    ) -> BoxFuture<'a, Result<Study, UpdateError<E>>> {
        Box::pin(async move {
            let turn = self.turns.take(&study_pk(id)).await;
            let mut known = known.filter(|_| !turn.waited);
            let mut attempt = 0;
            loop {
                let current = match known.take() {
                    Some(study) => study,
                    None => self.study(organization, id).await?.ok_or(UpdateError::NotFound)?,
                };
                let Some(next) = change(&current).map_err(UpdateError::Refused)? else { return Ok(current) };
                if self.replace_study(&current, &next).await? {
                    return Ok(next);
                }
                after_lost_race(attempt).await?;
                attempt += 1;
            }
        })
    }

    /// Writes `next` over `current` if nobody was faster.
    async fn replace_study(&self, current: &Study, next: &Study) -> Result<bool, StoreError> {
        let Some(ranked) = self.moves(current, next).await? else { return Ok(false) };
        let tasks = self.task_members(Some(current), next)?;
        if ranked.is_empty() && tasks.is_empty() {
            // a transaction of one would cost twice as much
            return self.put_version(study_item(next), current.version).await;
        }
        let entity = study_item(next).put(&self.main, Condition::Version(current.version))?;
        let members = std::iter::once(entity).chain(tasks).chain(ranked).collect();
        Ok(self.transact(members).await? == Written::Done)
    }

    /// The list changes that go with a change of state.
    pub(super) async fn moves(
        &self,
        current: &Study,
        next: &Study,
    ) -> Result<Option<Vec<TransactWriteItem>>, StoreError> {
        let rank = study_rank(current.created_at, current.id);
        let (before, after) = (Collection::of(current), Collection::of(next));
        let leave = before.into_iter().filter(|collection| !after.contains(collection));
        let enter = after.into_iter().filter(|collection| !before.contains(collection));
        let changes = leave
            .map(|collection| (collection, Change::Remove(rank.clone())))
            .chain(enter.map(|collection| (collection, Change::Insert(rank.clone()))));
        let Some(mut members) = self.collection_changes(current.organization, changes).await? else { return Ok(None) };
        if current.status != next.status {
            let id = current.id.to_string();
            let change = format!("{id}-{}", next.version);
            members.push(self.pending_member(Pending {
                list: SharedList::Studies,
                id: &change,
                subjects: &id,
                new: false,
            })?);
        }
        if current.status == Status::Draft && next.status == Status::Open {
            members.push(self.work_member(&WorkItem::propose(next), next.updated_at)?);
        }
        let ended = |study: &Study| matches!(study.status, Status::Completed | Status::Closed);
        if ended(next) && !ended(current) && current.status != Status::Draft {
            members.push(self.work_member(&WorkItem::end_proposals(next.id, next.version), next.updated_at)?);
        }
        let seats = |study: &Study| (study.status.is_active(), study.details.targeting.tester_count);
        if seats(current) != seats(next) {
            members.push(self.seats_member(next)?);
        }
        Ok(Some(members))
    }

    /// Reads the head of the list that a key's caller is about to ask for, if this process has met
    /// the key before; what comes back is used only for the organization that the key proves to have.
    ///
    /// # Errors
    /// When the store fails.
    pub fn first_read<'a>(
        &'a self,
        key: &'a KeyHash,
        filter: StudyFilter,
    ) -> BoxFuture<'a, Result<Option<FirstRead>, StoreError>> {
        Box::pin(async move {
            let Some((organization, _)) = self.memory.tenant(key) else { return Ok(None) };
            let pk = filter.collection().pk(organization);
            let head = self.head(&pk).await?;
            Ok(Some(FirstRead { pk, head }))
        })
    }

    /// One page of an organization's studies, newest first: the same cost for every page (outset 8.6).
    /// `page` maps the total to an offset, or says that there is no such page. Long tasks are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub fn studies_page<'a>(
        &'a self,
        organization: OrganizationId,
        list: (StudyFilter, Option<FirstRead>),
        created_after: Option<OffsetDateTime>,
        limit: u32,
        page: &'a (dyn Fn(u64) -> Option<u64> + Send + Sync),
    ) -> BoxFuture<'a, Result<Option<Page<ListedStudy>>, StoreError>> {
        Box::pin(async move {
            let (filter, first) = list;
            let pk = filter.collection().pk(organization);
            let mut first = first.filter(|first| first.pk == pk);
            let mut attempt = 0;
            loop {
                let head = match first.take() {
                    Some(first) => first.head,
                    None => self.head(&pk).await?,
                };
                if let Some(total) = self.total(&pk, &head, created_after).await? {
                    let Some(offset) = page(total) else { return Ok(None) };
                    let limit = u64::from(limit).min(total.saturating_sub(offset));
                    let ranks = self.ranks(&pk, &head, offset, usize::try_from(limit).unwrap_or(0)).await?;
                    if let Some(ranks) = ranks {
                        let members = self.ranked_studies(organization, &ranks).await?;
                        return Ok(Some(Page { total, members }));
                    }
                }
                after_lost_race(attempt).await?;
                attempt += 1;
            }
        })
    }

    /// Members of a collection that were created after a time: those that rank before its end.
    async fn total(&self, pk: &str, head: &Head, after: Option<OffsetDateTime>) -> Result<Option<u64>, StoreError> {
        match after {
            None => Ok(Some(head.total)),
            Some(after) => self.rank_of(pk, head, &study_rank(after, StudyId::from_uuid(uuid::Uuid::nil()))).await,
        }
    }

    /// One page of all organizations' studies, newest first. Long tasks are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub fn every_study_page(
        &self,
        status: Option<Status>,
        offset: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Page<ListedStudy>, StoreError>> {
        Box::pin(async move {
            let key = |id| study_key(StudyId::from_uuid(id));
            self.page_of(&every_study(status), (None, None), (offset, limit), key, read_study).await
        })
    }

    /// A study, whosever it is, with what is counted of its sessions, in one read.
    ///
    /// # Errors
    /// When the store fails.
    pub fn study_with_progress(&self, id: StudyId) -> BoxFuture<'_, Result<Option<(Study, Progress)>, StoreError>> {
        Box::pin(async move {
            let (mut study, mut progress) = (None, Progress::default());
            for item in self.batch_get(vec![study_key(id), seats_key(id)]).await? {
                if item.read("study").text("sk")? == "STUDY" {
                    study = Some(read_study(&item)?);
                } else {
                    progress = read_progress(&item)?;
                }
            }
            let Some(study) = study else { return Ok(None) };
            Ok(self.whole_study(study).await?.map(|study| (study, progress)))
        })
    }

    /// What is counted of the sessions of several studies.
    ///
    /// # Errors
    /// When the store fails.
    pub fn progress_of<'a>(
        &'a self,
        ids: &'a [StudyId],
    ) -> BoxFuture<'a, Result<HashMap<StudyId, Progress>, StoreError>> {
        Box::pin(async move {
            let mut found = HashMap::new();
            for item in self.batch_get(ids.iter().map(|id| seats_key(*id)).collect()).await? {
                let id = item.pk().strip_prefix("STUDY#").and_then(StudyId::parse);
                if let Some(id) = id {
                    found.insert(id, read_progress(&item)?);
                }
            }
            Ok(found)
        })
    }

    async fn ranked_studies(
        &self,
        organization: OrganizationId,
        ranks: &[Vec<u8>],
    ) -> Result<Vec<ListedStudy>, StoreError> {
        let ids: Vec<_> = ranks.iter().filter_map(|rank| ranked_study(rank)).collect();
        let keys = ids.iter().map(|id| study_key(*id)).collect();
        let mut found = HashMap::new();
        for item in self.batch_get(keys).await? {
            let listed = read_study(&item)?;
            if listed.study.organization == organization {
                found.insert(listed.study.id, listed);
            }
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// All studies of an organization, newest first: for the filters that keep no count. Never reads outside the
    /// organization. Long tasks are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub fn all_studies(&self, organization: OrganizationId) -> BoxFuture<'_, Result<Vec<ListedStudy>, StoreError>> {
        Box::pin(async move {
            const STEP: u32 = 100;
            let mut studies: Vec<ListedStudy> = Vec::new();
            let mut offset = 0;
            loop {
                let position = move |total: u64| (offset < total).then_some(offset);
                let page = self.studies_page(organization, (StudyFilter::All, None), None, STEP, &position).await?;
                let Some(page) = page else { return Ok(studies) };
                studies.extend(page.members);
                offset += u64::from(STEP);
            }
        })
    }
}
