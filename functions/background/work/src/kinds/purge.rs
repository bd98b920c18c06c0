//! The rows of a job that expired or was deleted are removed (outsend 7.5).

use shared::{
    BoxFuture,
    model::{JobId, WorkItem},
};

use crate::{
    kind::{Kind, MAX_TIME, Outcome, WorkError, try_later},
    workers::Workers,
};

/// The removal of a job's rows; the subject is the job.
pub(crate) const PURGE: Kind = Kind { run: purge, give_up: try_later };

fn purge<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let began = workers.now();
        let job = JobId::parse(&work.subject).ok_or(WorkError::Subject)?;
        while !workers.store().purge_slice(job).await? {
            if workers.now() - began >= MAX_TIME {
                return Ok(Outcome::AgainAt(workers.now()));
            }
        }
        Ok(Outcome::Done("purged"))
    })
}
