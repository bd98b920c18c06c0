//! Studies and their lists.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::TransactWriteItem;
use time::OffsetDateTime;

use super::{
    BoxFuture, Page, Store, StoreError,
    client::{Written, after_lost_race},
    collection::{Collection, Placing, newest_first, ranked_study, study_rank},
    item::{Condition, Item, Reader, delete_version},
    places::{Progress, places_key, read_progress},
    ranked::{Change, Head},
};
use crate::{
    model::{Details, OrganizationId, Status, Study, StudyId, Task, Work, WorkKind},
    secret::KeyHash,
};

/// Most members of one DynamoDB transaction.
const MOST_MEMBERS: usize = 100;
/// Studies that one transaction is first tried with; their lists' nodes need room, too.
const MOST_IN_TRANSACTION: usize = 80;

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

/// Why an update was not written.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError<E> {
    /// There is no such study in the organization.
    #[error("no such study")]
    NotFound,
    /// The change was refused by the caller's rule.
    #[error("refused")]
    Refused(E),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
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

pub(super) fn study_pk(id: StudyId) -> String {
    format!("STUDY#{id}")
}

fn rank_studies(id: &str, subject: &str) -> Work {
    Work { id: format!("studies-{id}"), kind: WorkKind::RankStudies, subject: subject.to_owned(), attempt: 0 }
}

/// The operator's list of all studies, or of those in a state.
pub(super) fn every_study(status: Option<Status>) -> String {
    match status {
        None => "RANK#studies".to_owned(),
        Some(status) => format!("RANK#studies/status={}", status.as_str()),
    }
}

pub(super) fn study_item(study: &Study) -> Item {
    let tasks = serde_json::to_string(&study.tasks).unwrap_or_else(|_| "[]".to_owned());
    Item::new(study_pk(study.id), "STUDY".to_owned())
        .text("id", study.id.to_string())
        .text("organization", study.organization.to_string())
        .text("name", &*study.name)
        .text("status", study.status.as_str())
        .optional_text("paused_from", study.paused_from.map(Status::as_str))
        .optional_text("completion_url", study.completion_url.as_deref())
        .optional_text("target_url", study.target_url.as_deref())
        .text("tasks", tasks)
        .text("details", serde_json::to_string(&study.details).unwrap_or_else(|_| "{}".to_owned()))
        .time("created_at", study.created_at)
        .time("updated_at", study.updated_at)
        .number("version", study.version)
}

pub(super) fn read_study(item: &Item) -> Result<Study, StoreError> {
    let reader = item.read("study");
    Ok(Study {
        id: reader.parsed("id", StudyId::parse)?,
        organization: reader.parsed("organization", OrganizationId::parse)?,
        name: reader.text("name")?.to_owned(),
        status: reader.parsed("status", Status::parse)?,
        paused_from: reader.optional_text("paused_from").and_then(Status::parse),
        completion_url: reader.optional_text("completion_url").map(str::to_owned),
        target_url: reader.optional_text("target_url").map(str::to_owned),
        tasks: read_tasks(reader)?,
        details: match reader.optional_text("details") {
            None => Details::default(),
            Some(_) => reader.parsed("details", |text| serde_json::from_str(text).ok())?,
        },
        created_at: reader.time("created_at")?,
        updated_at: reader.time("updated_at")?,
        version: reader.number("version")?,
    })
}

fn read_tasks(reader: Reader<'_>) -> Result<Vec<Task>, StoreError> {
    reader.parsed("tasks", |text| serde_json::from_str(text).ok())
}

impl Store {
    /// One study of `organization`; another tenant's study is not there.
    ///
    /// # Errors
    /// When the store fails.
    pub fn study(&self, organization: OrganizationId, id: StudyId) -> BoxFuture<'_, Result<Option<Study>, StoreError>> {
        Box::pin(async move { Ok(self.linked_study(id).await?.filter(|study| study.organization == organization)) })
    }

    /// The study that a participant's link names: the link is the permission (outset 14.1).
    ///
    /// # Errors
    /// When the store fails.
    pub fn linked_study(&self, id: StudyId) -> BoxFuture<'_, Result<Option<Study>, StoreError>> {
        Box::pin(async move {
            let item = self.get(&self.main, study_pk(id), "STUDY".to_owned()).await?;
            item.as_ref().map(read_study).transpose()
        })
    }

    /// Stores new studies of one organization, as many in a transaction as fit; those whose id is
    /// taken are left alone and returned. Neighbours in the lists should stand together.
    ///
    /// # Errors
    /// When the store fails; what was stored before stays.
    pub fn create_studies<'a>(&'a self, studies: &'a [Study]) -> BoxFuture<'a, Result<Vec<StudyId>, StoreError>> {
        Box::pin(async move {
            let mut taken = Vec::new();
            for batch in studies.chunks(MOST_IN_TRANSACTION) {
                taken.extend(self.create_batch(batch).await?);
            }
            Ok(taken)
        })
    }

    async fn create_batch(&self, batch: &[Study]) -> Result<Vec<StudyId>, StoreError> {
        // what is left to store, in steps that are halved when their lists' nodes do not fit beside them
        let mut pending: Vec<&Study> = batch.iter().collect();
        let mut step = pending.len();
        let mut taken = Vec::new();
        let mut attempt = 0;
        while !pending.is_empty() {
            let now = pending.get(..step.min(pending.len())).unwrap_or_default();
            let Some(members) = self.new_studies(now).await? else {
                after_lost_race(attempt).await?;
                attempt += 1;
                continue;
            };
            if members.len() > MOST_MEMBERS && now.len() > 1 {
                step = now.len() / 2;
                continue;
            }
            match self.transact(members).await? {
                Written::Done => {
                    pending.drain(..now.len());
                    attempt = 0;
                }
                Written::Refused(failed) => {
                    let known = failed.iter().filter_map(|position| now.get(*position)).map(|study| study.id);
                    let known: Vec<_> = known.collect();
                    pending.retain(|study| !known.contains(&study.id));
                    taken.extend(known);
                    after_lost_race(attempt).await?;
                    attempt += 1;
                }
            }
        }
        Ok(taken)
    }

    /// The transaction that stores new studies: they come first, in order, then their lists' changes.
    async fn new_studies(&self, studies: &[&Study]) -> Result<Option<Vec<TransactWriteItem>>, StoreError> {
        let Some(first) = studies.first() else { return Ok(Some(Vec::new())) };
        let mut members = Vec::new();
        for study in studies {
            members.push(study_item(study).put(&self.main, Condition::Absent)?);
        }
        let changes = studies.iter().flat_map(|study| {
            let rank = study_rank(study.created_at, study.id);
            Collection::of(study).map(|collection| (collection, Change::Insert(rank.clone())))
        });
        let ranked = self.collection_changes(first.organization, changes).await?;
        // the operator's lists are shared by all tenants, so that they follow by work
        let ids: Vec<_> = studies.iter().map(|study| study.id.to_string()).collect();
        let work = rank_studies(&format!("{}-1", first.id), &ids.join(" "));
        let work = self.work_member(&work, first.created_at)?;
        Ok(ranked.map(|ranked| members.into_iter().chain(ranked).chain([work]).collect()))
    }

    /// The transaction members for changes of several collections of one organization.
    async fn collection_changes(
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
            let mut known = known;
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
        if ranked.is_empty() {
            // a transaction of one would cost twice as much
            return self.put_version(study_item(next), current.version).await;
        }
        let entity = study_item(next).put(&self.main, Condition::Version(current.version))?;
        let members = std::iter::once(entity).chain(ranked).collect();
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
            let work = rank_studies(&format!("{id}-{}", next.version), &id);
            members.push(self.work_member(&work, next.updated_at)?);
        }
        let places = |study: &Study| (study.status.is_active(), study.details.targeting.tester_count);
        if places(current) != places(next) {
            members.push(self.places_member(next)?);
        }
        Ok(Some(members))
    }

    /// Ranks studies in the operator's lists by what they are now; again, nothing changes.
    ///
    /// # Errors
    /// When the store fails.
    pub fn rank_studies<'a>(&'a self, ids: &'a [StudyId]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            for id in ids {
                let Some(study) = self.linked_study(*id).await? else { continue };
                let lists = vec![every_study(None), every_study(Some(study.status))];
                let rank = newest_first(study.created_at, id.as_bytes());
                let version = study.version;
                self.place(&Placing { pk: study_pk(*id), rank: &rank, lists: &lists, version }).await?;
                // deleted in between
                if self.linked_study(*id).await?.is_none() {
                    self.unplace(study_pk(*id), &rank).await?;
                }
            }
            Ok(())
        })
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
            let Some(organization) = self.memory.tenant(key) else { return Ok(None) };
            let pk = filter.collection().pk(organization);
            let head = self.head(&pk).await?;
            Ok(Some(FirstRead { pk, head }))
        })
    }

    /// One page of an organization's studies, newest first: the same cost for every page (outset 8.6).
    /// `page` maps the total to an offset, or says that there is no such page.
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
    ) -> BoxFuture<'a, Result<Option<Page<Study>>, StoreError>> {
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

    /// One page of all organizations' studies, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn every_study_page(
        &self,
        status: Option<Status>,
        offset: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Page<Study>, StoreError>> {
        Box::pin(async move {
            let key = |id| (study_pk(StudyId::from_uuid(id)), "STUDY".to_owned());
            self.page_of(&every_study(status), (None, None), (offset, limit), key, read_study).await
        })
    }

    /// A study, whosever it is, with what is counted of its sessions, in one read.
    ///
    /// # Errors
    /// When the store fails.
    pub fn study_with_progress(&self, id: StudyId) -> BoxFuture<'_, Result<Option<(Study, Progress)>, StoreError>> {
        Box::pin(async move {
            let keys = vec![(study_pk(id), "STUDY".to_owned()), places_key(id)];
            let (mut study, mut progress) = (None, Progress::default());
            for item in self.batch_get(keys).await? {
                if item.read("study").text("sk")? == "STUDY" {
                    study = Some(read_study(&item)?);
                } else {
                    progress = read_progress(&item)?;
                }
            }
            Ok(study.map(|study| (study, progress)))
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
            for item in self.batch_get(ids.iter().map(|id| places_key(*id)).collect()).await? {
                let id = item.pk().strip_prefix("STUDY#").and_then(StudyId::parse);
                if let Some(id) = id {
                    found.insert(id, read_progress(&item)?);
                }
            }
            Ok(found)
        })
    }

    /// Deletes a draft as it was read, with all that hangs on it; `Ok(false)` when it changed meanwhile.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delete_draft<'a>(&'a self, study: &'a Study) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let rank = study_rank(study.created_at, study.id);
            let changes = Collection::of(study).map(|collection| (collection, Change::Remove(rank.clone())));
            for attempt in 0.. {
                let Some(mut members) =
                    self.collection_changes(study.organization, changes.clone().into_iter()).await?
                else {
                    after_lost_race(attempt).await?;
                    continue;
                };
                members.insert(0, delete_version(&self.main, study_pk(study.id), "STUDY".to_owned(), study.version)?);
                match self.transact(members).await? {
                    Written::Done => break,
                    // deleted by somebody else, or by the first try whose answer was lost
                    Written::Refused(failed) if failed.contains(&0) => {
                        if self.linked_study(study.id).await?.is_some() {
                            return Ok(false);
                        }
                        break;
                    }
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            self.displace(study_pk(study.id), &newest_first(study.created_at, study.id.as_bytes())).await?;
            self.erase_partition(study_pk(study.id), "", |_, _| None).await?;
            Ok(true)
        })
    }

    async fn ranked_studies(&self, organization: OrganizationId, ranks: &[Vec<u8>]) -> Result<Vec<Study>, StoreError> {
        let ids: Vec<_> = ranks.iter().filter_map(|rank| ranked_study(rank)).collect();
        let keys = ids.iter().map(|id| (study_pk(*id), "STUDY".to_owned())).collect();
        let mut found = HashMap::new();
        for item in self.batch_get(keys).await? {
            let study = read_study(&item)?;
            if study.organization == organization {
                found.insert(study.id, study);
            }
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// All studies of an organization, newest first: for the filters that keep no count. Never reads outside the organization.
    ///
    /// # Errors
    /// When the store fails.
    pub fn all_studies(&self, organization: OrganizationId) -> BoxFuture<'_, Result<Vec<Study>, StoreError>> {
        Box::pin(async move {
            const STEP: u32 = 100;
            let mut studies: Vec<Study> = Vec::new();
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
