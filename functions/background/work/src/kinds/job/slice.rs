//! A slice of a job: steps under a lease, each commit a checkpoint (outsend 7.4).

use std::sync::Arc;

use engine::{Fault, Level, Line, Means, Run, Spec, Step, module::Watch};
use shared::{
    context::Context,
    model::Job,
    store::{Commit, Ending, StoreError, Taken},
};
use time::{Duration, OffsetDateTime};

use super::input::JobRows;

/// How long a slice goes on: far less than a lease, and short, because it holds the stream's next records back.
const SLICE: Duration = Duration::seconds(10);
/// How long what was begun in a slice may take, still far less than a lease.
const LONGEST: Duration = Duration::seconds(30);
/// Leases in a row that one item may outlive (outsend 7.4 rule 5).
const MAX_STUCK: u32 = 3;
/// Leases in a row that ended without a commit, after which a job fails.
pub(super) const HOPELESS: u32 = 8;
/// Internal faults in a row after which a job fails (outsend 7.4 rule 6).
const MAX_FAULTS: u32 = 3;
/// The pause after an internal fault.
const PAUSE: Duration = Duration::seconds(5);
/// What a job says that failed for a reason of ours.
pub(super) const INTERNAL_ERROR: &str = "Internal error.";

/// What became of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slice {
    /// There is more to do, from this time on.
    More(OffsetDateTime),
    /// The job ended, and with it the work.
    Ended,
    /// Somebody else has the job, or there is none.
    Nothing,
}

/// Goes on with a job that was taken up, for one slice.
///
/// # Errors
/// When the store fails.
pub(super) async fn run(context: &Context, means: Means, taken: Taken) -> Result<Slice, StoreError> {
    let (store, clock) = (context.store(), context.clock());
    let began = clock.now();
    let mut job = taken.job.clone();
    if job.stuck >= MAX_STUCK && job.planned.is_some_and(|planned| job.processed < planned) {
        match store.commit(&job, &given_up_item(&job), clock.now()).await? {
            Commit::Committed(next) => job = *next,
            Commit::Ended(_) => return Ok(Slice::Ended),
            Commit::Lost => return Ok(Slice::Nothing),
        }
    }
    let input = store.job_input(&job, &taken.parameters.input_columns).await?;
    let started = match engine::start(spec(&job, &taken, began), Arc::new(JobRows(input)), means).await {
        Ok(started) => started,
        Err(fault) => return failed(context, &job, fault).await,
    };
    if let Some(found) = &started.discovered {
        match store.commit_source(&Taken { job, ..taken }, found, clock.now()).await? {
            Some(next) => job = next.job,
            None => return Ok(Slice::Nothing),
        }
    }
    steps(context, job, started.run, began).await
}

/// Commits step after step, until the job ends or the slice's time is over.
async fn steps(
    context: &Context,
    mut job: Job,
    mut run: Box<dyn Run>,
    began: OffsetDateTime,
) -> Result<Slice, StoreError> {
    let (store, clock) = (context.store(), context.clock());
    loop {
        let (step, ended) = match run.step().await {
            Ok(Some(step)) => (step, false),
            Ok(None) => (Step::default(), true),
            Err(fault) => return failed(context, &job, fault).await,
        };
        if step.items > 0 || step.again_after.is_some() || step.seen.is_some() || ended {
            match store.commit(&job, &step, clock.now()).await? {
                Commit::Ended(_) => return Ok(Slice::Ended),
                Commit::Lost => return Ok(Slice::Nothing),
                // a run that ends before its plan would go on for ever
                Commit::Committed(job) if ended => {
                    return failed(context, &job, Fault::Internal("the run ended before its plan".to_owned())).await;
                }
                Commit::Committed(next) => job = *next,
            }
        }
        if let Some(pause) = step.again_after {
            return Ok(Slice::More(clock.now() + pause));
        }
        let lasted = clock.now() - began;
        if lasted >= LONGEST || (lasted >= SLICE && !run.wind_down()) {
            return Ok(Slice::More(clock.now()));
        }
    }
}

/// The step that passes over the next item, which several workers did not survive.
fn given_up_item(job: &Job) -> Step {
    let line = Line { level: Level::Error, message: format!("Item {} was given up.", job.processed + 1) };
    Step { items: 1, failed: 1, log: vec![line], ..Step::default() }
}

/// What is to be computed, from the job's checkpoint on.
fn spec(job: &Job, taken: &Taken, now: OffsetDateTime) -> Spec {
    let started = job.started_at.unwrap_or(job.created_at).unix_timestamp();
    Spec {
        module: job.module,
        options: taken.parameters.options.clone(),
        planned: job.planned,
        done: job.processed,
        produced: job.results,
        tries: job.tries,
        refused: job.refused,
        watch: Watch { started, now: now.unix_timestamp(), seen: job.seen.clone() },
    }
}

/// What a fault means for the job: its end, or another attempt.
async fn failed(context: &Context, job: &Job, fault: Fault) -> Result<Slice, StoreError> {
    let (store, now) = (context.store(), context.clock().now());
    let text = match &fault {
        Fault::InputGone | Fault::Failed(_) => fault.to_string(),
        Fault::Internal(cause) => {
            tracing::error!(job = %job.id, cause, "internal fault of a job");
            let Some(noted) = store.note_fault(job).await? else { return Ok(Slice::Nothing) };
            if noted.faults < MAX_FAULTS {
                return Ok(Slice::More(now + PAUSE));
            }
            INTERNAL_ERROR.to_owned()
        }
    };
    store.end_job(job.id, Ending::Failed(text), now).await?;
    Ok(Slice::Ended)
}
