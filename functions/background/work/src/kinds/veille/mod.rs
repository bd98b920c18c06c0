//! A run of a veille starts, follows its job or pipeline, and is compared with the run before it (outsend 15.3, 15.4).

mod compare;
mod rows;
mod sort;
mod sorting;
mod start;

use shared::{
    BoxFuture,
    model::{Job, JobId, JobStatus, PipelineRun, RunStatus, Veille, VeilleRun, VeilleRunStatus, WorkItem},
    outsend::messages::Detail,
    store::Series,
};
use time::Duration;

use self::{
    sort::{Sorted, sort},
    sorting::{Sorting, Step, end, text},
};
use crate::{
    kind::{Kind, Outcome, WorkError, given_up},
    workers::Workers,
};

/// A run; the subject is the veille's id and the run's number.
pub(crate) const VEILLE: Kind = Kind { run, give_up };

/// The pause before a run is looked at again that changed meanwhile, or whose base is not ready.
const SHORTLY: Duration = Duration::seconds(2);

/// The veille and the run that the subject of such work names.
pub(crate) fn run_named(subject: &str) -> Option<(u64, u64)> {
    let (veille, run) = subject.split_once(' ')?;
    Some((veille.parse().ok()?, run.parse().ok()?))
}

fn run<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let of = run_named(&work.subject).ok_or(WorkError::Subject)?;
        let Some((veille, run)) = workers.store().veille_with_run(of).await? else {
            // what was written while the account went
            workers.store().drop_gone_veille(of.0).await?;
            return Ok(Outcome::Done("gone"));
        };
        let step = match run.status.is_active() {
            false => Step::Done,
            true if run.number == 0 => baseline(workers, &run).await?,
            true => follow(workers, &veille, &run, work).await?,
        };
        Ok(match step {
            Step::Done => Outcome::Done("followed"),
            Step::More => Outcome::AgainAt(workers.now()),
            Step::Later => Outcome::AgainAt(workers.now() + SHORTLY),
        })
    })
}

/// The work that comes when a run's job or pipeline is done.
fn done(run: &VeilleRun) -> WorkItem {
    WorkItem::veille((run.veille, run.number), RunStatus::Done.as_str())
}

/// Ends a run that fails again and again for a reason of ours; the next one begins anew.
fn give_up<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let of = run_named(&work.subject).ok_or(WorkError::Subject)?;
        let run = workers.store().veille_with_run(of).await?.map(|(_, run)| run);
        if let Some(run) = run.filter(|run| run.status.is_active()) {
            end(workers, &run, VeilleRunStatus::Failed, Some(text(&Detail::Server))).await?;
        }
        Ok(given_up())
    })
}

/// Sorts the rows of the source, so that the first run can be compared with them.
async fn baseline(workers: &Workers, run: &VeilleRun) -> Result<Step, WorkError> {
    let store = workers.store();
    let table = store.run_tables(run.veille, &[0]).await?.into_iter().next().flatten();
    let table = table.ok_or_else(|| WorkError::Failed("a source without a table".to_owned()))?;
    let source = store.series((run.veille, 0), Series::Source);
    let mut sorting = Sorting::of(workers, run)?;
    match sort(&mut sorting, &source, table).await? {
        Sorted::Rows => sorting.end(VeilleRunStatus::Done, None).await,
        Sorted::Step(step) => Ok(step),
        Sorted::Gone => sorting.end(VeilleRunStatus::Failed, Some(Detail::SourceExpired)).await,
    }
}

/// Lets a run follow what its job or pipeline came to.
async fn follow(workers: &Workers, veille: &Veille, run: &VeilleRun, work: &WorkItem) -> Result<Step, WorkError> {
    let store = workers.store();
    let came_to = match (run.pipeline, run.job) {
        (None, None) => return start::start(workers, veille, run).await,
        (None, Some(job)) => of_job(store.any_job(job).await?),
        (Some((pipeline, number)), _) => of_pipeline(store.run(pipeline, number).await?),
    };
    match came_to {
        CameTo::Waits => Ok(Step::Done),
        CameTo::Runs if run.status == VeilleRunStatus::Running => Ok(Step::Done),
        CameTo::Runs => {
            let next = VeilleRun { status: VeilleRunStatus::Running, ..run.clone() };
            Ok(store.put_veille_run(run, &next).await?.map_or(Step::Later, |_| Step::Done))
        }
        CameTo::Failed(error) => end(workers, run, VeilleRunStatus::Failed, Some(error)).await,
        CameTo::Cancelled => end(workers, run, VeilleRunStatus::Cancelled, None).await,
        // one piece of work compares, the one that came with this state
        CameTo::Done(_) if work.id != done(run).id => Ok(Step::Done),
        CameTo::Done(job) => compare::compare(workers, veille, run, job).await,
    }
}

/// What a run's job or pipeline came to.
enum CameTo {
    Waits,
    Runs,
    Failed(String),
    Cancelled,
    /// Its results are those of this job.
    Done(JobId),
}

fn of_job(job: Option<Job>) -> CameTo {
    let Some(job) = job else { return CameTo::Failed(text(&Detail::SourceExpired)) };
    match job.status {
        JobStatus::Pending => CameTo::Waits,
        JobStatus::Running => CameTo::Runs,
        JobStatus::Done => CameTo::Done(job.id),
        JobStatus::Failed => CameTo::Failed(job.error_message.unwrap_or_default()),
        JobStatus::Cancelled => CameTo::Cancelled,
        JobStatus::Expired => CameTo::Failed(text(&Detail::SourceExpired)),
    }
}

fn of_pipeline(run: Option<PipelineRun>) -> CameTo {
    let Some(run) = run else { return CameTo::Failed(text(&Detail::NoRun)) };
    match run.status {
        RunStatus::Pending => CameTo::Waits,
        RunStatus::Running => CameTo::Runs,
        RunStatus::Cancelled => CameTo::Cancelled,
        RunStatus::Failed => {
            let failed = run.nodes.into_iter().find_map(|node| Some((node.error?, node.id)));
            CameTo::Failed(failed.map_or_else(String::new, |(error, node)| format!("{node}: {error}")))
        }
        RunStatus::Done => match run.final_job() {
            Some(job) => CameTo::Done(job),
            None => CameTo::Failed(text(&Detail::SourceExpired)),
        },
    }
}
