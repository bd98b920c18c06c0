//! The removal of a job by its owner (outsend 8.1).

use time::OffsetDateTime;

use crate::{
    model::Job,
    store::{BoxFuture, Store, StoreError, after_lost_race},
};

/// What became of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The job is removed.
    Removed,
    /// It waits or runs, and nothing was written.
    StillActive,
    /// Somebody else removed it.
    Gone,
}

impl Store {
    /// Removes a job that has ended, as it was read, and again as it is when it changed meanwhile. Its rows go by work.
    ///
    /// # Errors
    /// When the store fails.
    pub fn remove_job(&self, job: Job, now: OffsetDateTime) -> BoxFuture<'_, Result<Removal, StoreError>> {
        Box::pin(async move {
            let mut job = job;
            let mut attempt = 0;
            loop {
                if job.status.is_active() {
                    return Ok(Removal::StillActive);
                }
                if self.delete_job(&job, now).await? {
                    return Ok(Removal::Removed);
                }
                after_lost_race(attempt).await?;
                attempt += 1;
                let Some(again) = self.job(job.user, job.id).await? else { return Ok(Removal::Gone) };
                job = again;
            }
        })
    }
}
