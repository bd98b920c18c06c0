//! A run of a pipeline follows what its jobs came to, and their children are made (outsend 14.4).

use shared::{
    BoxFuture,
    model::{PipelineId, WorkItem},
    outsend::pipelines::advance,
};

use crate::{
    kind::{Kind, Outcome, WorkError, try_later},
    workers::Workers,
};

/// A run; the subject is the pipeline's id and the run's number. Never given up: the run would not end.
pub(crate) const RUN: Kind = Kind { run, give_up: try_later };

fn run<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let (pipeline, number) = work.subject.split_once(' ').ok_or(WorkError::Subject)?;
        let pipeline = PipelineId::parse(pipeline).ok_or(WorkError::Subject)?;
        let number = number.parse().map_err(|_| WorkError::Subject)?;
        let advanced = advance(workers.context(), &engine::Rules, pipeline, number).await?;
        Ok(Outcome::Done(advanced.map_or("gone", |run| run.status.as_str())))
    })
}
