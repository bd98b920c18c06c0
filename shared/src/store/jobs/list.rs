//! A user's jobs as a list (outsend 8.1).

use std::collections::HashMap;

use time::OffsetDateTime;

use super::item::{header_key, read_job};
use crate::{
    BoxFuture,
    model::{Job, JobId, JobStatus, Module, UserId, registry},
    store::{
        Store, StoreError,
        collection::{id_of, newest_first},
        item::Item,
        user_items::user_pk,
    },
};

/// Jobs that a filtered walk reads at a time.
const STEP: u32 = 100;

/// What a list is narrowed to; an empty list of values means any.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// States, as they are at the time of the reading.
    pub statuses: Vec<JobStatus>,
    /// Types.
    pub modules: Vec<Module>,
}

impl JobFilter {
    fn holds(&self, job: &Job, now: OffsetDateTime) -> bool {
        (self.statuses.is_empty() || self.statuses.contains(&job.status_at(now)))
            && (self.modules.is_empty() || self.modules.contains(&job.module))
    }
}

fn all(user: UserId) -> String {
    format!("RANK#{user}#jobs")
}

fn of_type(user: UserId, module: Module) -> String {
    format!("RANK#{user}#jobs/type={}", module.as_str())
}

/// The ranked collections that a job is in: neither changes with its state.
pub(super) fn collections(job: &Job) -> [String; 2] {
    [all(job.user), of_type(job.user, job.module)]
}

/// A job's rank in its owner's list: newest first, by the seconds that the wire shows, then by id (outsend 8.1).
pub(super) fn job_rank(job: &Job) -> Vec<u8> {
    let seconds = OffsetDateTime::from_unix_timestamp(job.created_at.unix_timestamp()).unwrap_or(job.created_at);
    newest_first(seconds, job.id.as_bytes())
}

/// All collections that a user's jobs can be in.
pub(in crate::store) fn every_collection(user: UserId) -> Vec<String> {
    let of_types = registry::MODULES.iter().map(|entry| of_type(user, entry.module));
    std::iter::once(all(user)).chain(of_types).collect()
}

impl Store {
    /// A page of a user's jobs, newest first. Without a filter, or with one type, every page costs the same; what
    /// waits or runs is found without the others; any other filter walks from the newest on.
    ///
    /// # Errors
    /// When the store fails.
    pub fn jobs_page<'a>(
        &'a self,
        user: UserId,
        filter: &'a JobFilter,
        (offset, limit): (u64, u32),
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Vec<Job>, StoreError>> {
        Box::pin(async move {
            if !filter.statuses.is_empty() && filter.statuses.iter().all(|status| status.is_active()) {
                let mut jobs = self.active_jobs(user).await?;
                jobs.retain(|job| filter.holds(job, now));
                jobs.sort_by_key(job_rank);
                let skip = usize::try_from(offset).unwrap_or(usize::MAX);
                return Ok(jobs.into_iter().skip(skip).take(limit as usize).collect());
            }
            let collection = match filter.modules[..] {
                [module] => of_type(user, module),
                _ => all(user),
            };
            if filter.statuses.is_empty() && filter.modules.len() < 2 {
                return self.ranked_jobs(&collection, offset, limit).await;
            }
            let (mut left, mut position) = (offset, 0);
            let mut jobs = Vec::new();
            loop {
                let step = self.ranked_jobs(&collection, position, STEP).await?;
                let end = step.len() < STEP as usize;
                for job in step.into_iter().filter(|job| filter.holds(job, now)) {
                    if left > 0 {
                        left -= 1;
                    } else {
                        jobs.push(job);
                    }
                }
                if end || jobs.len() >= limit as usize {
                    jobs.truncate(limit as usize);
                    return Ok(jobs);
                }
                position += u64::from(STEP);
            }
        })
    }

    async fn ranked_jobs(&self, collection: &str, offset: u64, limit: u32) -> Result<Vec<Job>, StoreError> {
        let (_, ranks) = self.ranked_page(collection, (None, None), offset, limit).await?;
        let ids = ranks.iter().filter_map(|rank| id_of(rank)).map(|id| JobId::from_bytes(id.into_bytes())).collect();
        self.jobs_of(ids).await
    }

    /// The jobs with these ids that are there.
    ///
    /// # Errors
    /// When the store fails.
    pub fn jobs_by_id<'a>(&'a self, ids: &'a [JobId]) -> BoxFuture<'a, Result<HashMap<JobId, Job>, StoreError>> {
        Box::pin(async move {
            let items = self.batches(ids.iter().map(|id| header_key(*id)).collect()).await?;
            items.iter().map(|item| read_job(item).map(|job| (job.id, job))).collect()
        })
    }

    /// The jobs with these ids, in their order; what is gone is left out.
    async fn jobs_of(&self, ids: Vec<JobId>) -> Result<Vec<Job>, StoreError> {
        let mut found = self.jobs_by_id(&ids).await?;
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// A user's waiting and running jobs.
    ///
    /// # Errors
    /// When the store fails.
    pub fn active_jobs(&self, user: UserId) -> BoxFuture<'_, Result<Vec<Job>, StoreError>> {
        Box::pin(async move {
            let mut ids = self.running_of(user).await?;
            for item in self.query(user_pk(user), "WAIT#").await? {
                ids.push(waiting_id(&item)?);
            }
            ids.sort_unstable();
            ids.dedup();
            self.jobs_of(ids).await
        })
    }
}

fn waiting_id(item: &Item) -> Result<JobId, StoreError> {
    item.read("waiting job").parsed("job", JobId::parse)
}
