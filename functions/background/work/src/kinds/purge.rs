//! The rows of a job that expired or was deleted are removed (outsend 7.5), and the runs of a deleted pipeline.

use shared::{
    BoxFuture,
    model::{JobId, PipelineId, WorkItem},
};

use crate::{
    kind::{Kind, MAX_TIME, Outcome, WorkError, try_later},
    workers::Workers,
};

/// The removal of what is left; the subject is the job or the pipeline.
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
    match (JobId::parse(subject), PipelineId::parse(subject)) {
        (Some(job), _) => workers.store().purge_slice(job).await.map_err(WorkError::from),
        (None, Some(pipeline)) => workers.store().purge_pipeline(pipeline).await.map_err(WorkError::from),
        (None, None) => Err(WorkError::Subject),
    }
}
