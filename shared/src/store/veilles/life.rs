//! Veilles: made, changed and deleted, each time by one conditional write (outsend 15.2, 15.3).

use aws_sdk_dynamodb::types::TransactWriteItem;
use time::{Duration, OffsetDateTime};

use super::{
    item::{header_key, listed_key, owned_key, read_veille, run_item, template_key, veille_item, veille_pk},
    runs::purge,
    series::{RunTable, Series, series_prefix, table_item},
};
use crate::{
    BoxFuture,
    model::{Job, Pipeline, UserId, Veille, VeilleRun, VeilleSource},
    store::{
        JobParameters, Store, StoreError, after_lost_race,
        client::Written,
        item::{Condition, Item},
        jobs::{job_pk, parameters_item, read_parameters},
        pipelines::{numbers, pipeline_item, read_numbers},
        retry::MAX_ATTEMPTS,
    },
};

/// Where the check that the user is still there stands among a creation's members.
const OWNER: usize = 0;
/// How long rows may lie around that were copied for a veille that never came to be.
const COPIED: Duration = Duration::days(2);

/// What a search for places is started with again and again: a copy, since its job can be deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Its parameters.
    pub parameters: JobParameters,
    /// Its items.
    pub planned: u64,
}

/// A veille to be created.
#[derive(Debug)]
pub struct NewVeille {
    /// The veille, version 1.
    pub veille: Veille,
    /// Its source as a run, with which the first one is compared.
    pub baseline: VeilleRun,
    /// The job whose rows these are.
    pub job: Job,
    /// Their table.
    pub table: RunTable,
    /// Of a search for places, what it is started with.
    pub template: Option<Template>,
}

/// What became of a creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VeilleCreation {
    /// The veille is there.
    Created,
    /// Its owner has as many as there may be.
    Full,
    /// The source's rows went meanwhile, or the account.
    Gone,
    /// The source's pipeline did.
    NoPipeline,
}

/// The veilles of a user that are shown.
#[derive(Clone, Debug, Default)]
struct Listed {
    ids: Vec<u64>,
    version: u64,
}

impl Listed {
    const fn condition(&self) -> Condition {
        if self.version == 0 { Condition::Absent } else { Condition::Version(self.version) }
    }

    fn with(&self, ids: Vec<u64>) -> Self {
        Self { ids, version: self.version + 1 }
    }

    fn item(&self, user: UserId) -> Item {
        let (pk, sk) = listed_key(user);
        Item::new(pk, sk).text("ids", numbers(&self.ids)).number("version", self.version)
    }
}

impl Store {
    /// The next number for a veille: strictly increasing, never given twice (outsend 2.2).
    ///
    /// # Errors
    /// When the store fails.
    pub fn next_veille_number(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.next_number("VEILLE"))
    }

    async fn listed_veilles(&self, user: UserId) -> Result<Listed, StoreError> {
        let (pk, sk) = listed_key(user);
        let Some(item) = self.get(&self.main, pk, sk).await? else { return Ok(Listed::default()) };
        let reader = item.read("veilles");
        Ok(Listed { ids: read_numbers(reader.text("ids")?), version: reader.number("version")? })
    }

    /// A user's active and paused veilles, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn veilles(&self, user: UserId) -> BoxFuture<'_, Result<Vec<Veille>, StoreError>> {
        Box::pin(async move {
            let listed = self.listed_veilles(user).await?;
            self.veilles_by_id(&listed.ids).await
        })
    }

    /// The veilles with these ids that are there, newest first.
    pub(super) async fn veilles_by_id(&self, ids: &[u64]) -> Result<Vec<Veille>, StoreError> {
        let items = self.batches(ids.iter().map(|id| header_key(*id)).collect()).await?;
        let mut veilles: Vec<_> = items.iter().map(read_veille).collect::<Result<_, _>>()?;
        veilles.sort_by_key(|veille| std::cmp::Reverse(veille.id));
        Ok(veilles)
    }

    /// A veille, whoever owns it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn any_veille(&self, id: u64) -> BoxFuture<'_, Result<Option<Veille>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = header_key(id);
            self.get(&self.main, pk, sk).await?.as_ref().map(read_veille).transpose()
        })
    }

    /// A veille of `user`, a deleted one too; another one's is not there (outsend 2.1).
    ///
    /// # Errors
    /// When the store fails.
    pub fn veille(&self, user: UserId, id: u64) -> BoxFuture<'_, Result<Option<Veille>, StoreError>> {
        Box::pin(async move { Ok(self.any_veille(id).await?.filter(|veille| veille.user == user)) })
    }

    /// Creates a veille, unless its owner shows `most` already: all of it, or nothing. The source's rows are copied before, and go by themselves when nothing
    /// comes of it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn create_veille<'a>(
        &'a self,
        new: &'a NewVeille,
        most: usize,
    ) -> BoxFuture<'a, Result<VeilleCreation, StoreError>> {
        Box::pin(async move {
            let veille = &new.veille;
            let (user, id, of) = (veille.user, veille.id, (veille.id, new.baseline.number));
            if self.listed_veilles(user).await?.ids.len() >= most {
                return Ok(VeilleCreation::Full);
            }
            let copied = self.copy_source(new).await?;
            if copied != new.job.results {
                return Ok(VeilleCreation::Gone);
            }
            for attempt in 0..MAX_ATTEMPTS {
                let listed = self.listed_veilles(user).await?;
                if listed.ids.contains(&id) {
                    // the answer to this very write was lost
                    return Ok(VeilleCreation::Created);
                }
                if listed.ids.len() >= most {
                    return Ok(VeilleCreation::Full);
                }
                let ids = [id].into_iter().chain(listed.ids.iter().copied()).collect();
                let (pk, sk) = owned_key(user, id);
                let mut members = vec![
                    self.living_member(user)?,
                    veille_item(veille).put(&self.main, Condition::Absent)?,
                    listed.with(ids).item(user).put(&self.main, listed.condition())?,
                    run_item(&new.baseline).put(&self.main, Condition::Absent)?,
                    table_item(of, &new.table)?.put(&self.main, Condition::None)?,
                    Item::new(pk, sk).put(&self.main, Condition::None)?,
                    self.work_member(&new.baseline.work(), veille.schedule.created_at)?,
                ];
                members.extend(self.due_members(id, None, veille.due_at, user)?);
                if let Some(template) = &new.template {
                    let (pk, sk) = template_key(id);
                    let item = parameters_item((pk, sk), &template.parameters)?.number("planned", template.planned);
                    members.push(item.put(&self.main, Condition::None)?);
                }
                if let VeilleSource::Pipeline(pipeline) = veille.source {
                    let Some(known) = self.pipeline(user, pipeline).await? else {
                        return Ok(VeilleCreation::NoPipeline);
                    };
                    let watched = [&known.veilles[..], &[id]].concat();
                    members.push(self.watched_member(&known, watched)?);
                }
                match self.transact(members).await? {
                    Written::Done => return Ok(VeilleCreation::Created),
                    Written::Refused(failed) if failed.contains(&OWNER) => return Ok(VeilleCreation::Gone),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Copies the rows of a source, chunk by chunk as they are stored; how many there were.
    async fn copy_source(&self, new: &NewVeille) -> Result<u64, StoreError> {
        let (run, pk) = (new.baseline.number, veille_pk(new.veille.id));
        let ttl = (new.veille.schedule.created_at + COPIED).unix_timestamp();
        let from = job_pk(new.job.id);
        self.copy_chunks((&from, "ROW#"), (&pk, &series_prefix(run, Series::Source)), ttl).await
    }

    fn watched_member(&self, pipeline: &Pipeline, veilles: Vec<u64>) -> Result<TransactWriteItem, StoreError> {
        let next = Pipeline { veilles, version: pipeline.version + 1, ..pipeline.clone() };
        pipeline_item(&next).put(&self.main, Condition::Version(pipeline.version))
    }

    /// Changes a veille of `user` that is not deleted, as `change` has it; `None` when there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub fn update_veille<'a>(
        &'a self,
        user: UserId,
        id: u64,
        change: &'a (dyn Fn(&Veille) -> Veille + Send + Sync),
    ) -> BoxFuture<'a, Result<Option<Veille>, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let Some(known) = self.veille(user, id).await?.filter(Veille::is_listed) else { return Ok(None) };
                let next = change(&known);
                let mut members = vec![veille_item(&next).put(&self.main, Condition::Version(known.version))?];
                members.extend(self.due_members(id, known.due_at, next.due_at, user)?);
                if self.transact(members).await? == Written::Done || self.any_veille(id).await? == Some(next.clone()) {
                    return Ok(Some(next));
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Deletes a veille of `user`: it is shown no more and never runs again, and its runs stay. `Ok(false)` when there is
    /// none.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delete_veille(&self, user: UserId, id: u64, now: OffsetDateTime) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let Some(known) = self.veille(user, id).await? else { return Ok(false) };
                if !known.is_listed() {
                    // by an earlier attempt whose answer was lost, or long before
                    return Ok(attempt > 0);
                }
                let next = known.scheduled(known.schedule.deleted());
                let listed = self.listed_veilles(user).await?;
                let ids = listed.ids.iter().copied().filter(|listed| *listed != id).collect();
                let mut members = vec![
                    veille_item(&next).put(&self.main, Condition::Version(known.version))?,
                    listed.with(ids).item(user).put(&self.main, listed.condition())?,
                ];
                members.extend(self.due_members(id, known.due_at, next.due_at, user)?);
                // a run that is still active ends with it
                members.push(self.work_member(&purge((id, known.snapshot), "deleted"), now)?);
                if let VeilleSource::Pipeline(pipeline) = known.source
                    && let Some(pipeline) = self.pipeline(user, pipeline).await?
                {
                    let others = pipeline.veilles.iter().copied().filter(|watching| *watching != id).collect();
                    members.push(self.watched_member(&pipeline, others)?);
                }
                if self.transact(members).await? == Written::Done {
                    return Ok(true);
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// What a veille's search for places is started with; `None` of a pipeline's veille.
    ///
    /// # Errors
    /// When the store fails.
    pub fn veille_template(&self, id: u64) -> BoxFuture<'_, Result<Option<Template>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = template_key(id);
            let Some(item) = self.get(&self.main, pk, sk).await? else { return Ok(None) };
            let planned = item.read("template").number("planned")?;
            Ok(Some(Template { parameters: read_parameters(&item)?, planned }))
        })
    }
}
