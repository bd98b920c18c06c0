//! The rows of a job that expired or was deleted are removed (outsend 7.5), the runs of a deleted pipeline, and what a
//! veille's run needs no more.

use shared::{
    BoxFuture,
    model::{JobId, PipelineId, WorkItem},
};

use super::veille::run_named;
use crate::{
    kind::{Kind, MAX_TIME, Outcome, WorkError, try_later},
    workers::Workers,
};

/// The removal of what is left; the subject is the job, the pipeline, or a veille with the number of a run.
pub(crate) const PURGE: Kind = Kind { run: purge, give_up: try_later };

fn purge<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let began = workers.now();
        while !slice(workers, &work.subject).await? {
            if workers.now() - began >= MAX_TIME {
                return Ok(Outcome::AgainAt(workers.now()));
            }
        }
        Ok(Outcome::Done("purged"))
    })
}

/// Removes a slice; `Ok(true)` when nothing is left.
async fn slice(workers: &Workers, subject: &str) -> Result<bool, WorkError> {
    if let Some(run) = run_named(subject) {
        return Ok(workers.store().purge_veille_run(run).await.map(|()| true)?);
    }
    match (JobId::parse(subject), PipelineId::parse(subject)) {
        (Some(job), _) => workers.store().purge_slice(job).await.map_err(WorkError::from),
        (None, Some(pipeline)) => workers.store().purge_pipeline(pipeline).await.map_err(WorkError::from),
        (None, None) => Err(WorkError::Subject),
    }
}
