//! Jobs at work: slices under a lease, each commit a checkpoint (outsend 7.4), and what the clock does to jobs.

use std::sync::Arc;

use engine::{Fault, Lane, Level, Line, Network, Spec, Step, module};
use time::{Duration, OffsetDateTime};

use crate::{
    context::Context,
    model::{Job, JobId, WorkItem},
    store::{Admission, Commit, Ending, StoreError, Taken},
};

/// How long a slice goes on: far less than a lease, and short, because it holds the stream's next records back.
const SLICE: Duration = Duration::seconds(10);
/// Leases in a row that one item may outlive (outsend 7.4 rule 5).
const MAX_STUCK: u32 = 3;
/// Internal faults in a row after which a job fails (outsend 7.4 rule 6).
const MAX_FAULTS: u32 = 3;
/// The pause after an internal fault.
const PAUSE: Duration = Duration::seconds(5);
/// Jobs of each list that one sweep ends or expires.
const SWEPT: i32 = 25;

/// What became of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slice {
    /// There is more to do, from this time on.
    More(OffsetDateTime),
    /// The job ended, and with it the work.
    Ended,
    /// Somebody else has the job, or there is none.
    Nothing,
}

/// Goes on with a job for one slice.
pub(crate) async fn run(context: &Context, network: Arc<dyn Network>, work: &WorkItem) -> Result<Slice, StoreError> {
    let store = context.store();
    let Some(id) = JobId::parse(&work.subject) else { return Ok(Slice::Nothing) };
    let Some(taken) = store.take_job(id, work.attempt > 1).await? else { return Ok(Slice::Nothing) };
    let lane = taken.job.lane();
    let outcome = slice(context, network, taken).await?;
    if outcome == Slice::Ended {
        admit(context, lane).await?;
    }
    Ok(outcome)
}

async fn slice(context: &Context, network: Arc<dyn Network>, taken: Taken) -> Result<Slice, StoreError> {
    let (store, clock) = (context.store(), context.clock());
    let began = clock.now();
    let mut job = taken.job.clone();
    if job.stuck >= MAX_STUCK && job.planned.is_some_and(|planned| job.processed < planned) {
        let line = Line { level: Level::Error, message: format!("Item {} was given up.", job.processed + 1) };
        let step = Step { items: 1, failed: 1, log: vec![line], ..Step::default() };
        match store.commit(&job, &step, clock.now()).await? {
            Commit::Committed(next) => job = *next,
            Commit::Ended(_) => return Ok(Slice::Ended),
            Commit::Lost => return Ok(Slice::Nothing),
        }
    }
    let spec = Spec {
        module: job.module,
        options: taken.parameters.options.clone(),
        planned: job.planned,
        done: job.processed,
        produced: job.results,
    };
    let input = store.job_input(&job, &taken.parameters.input_columns).await?;
    let started = match module::start(spec, input, network).await {
        Ok(started) => started,
        Err(fault) => return failed(context, &job, fault).await,
    };
    if let Some(found) = &started.discovered {
        match store.commit_source(&Taken { job, ..taken }, found, clock.now()).await? {
            Some(next) => job = next.job,
            None => return Ok(Slice::Nothing),
        }
    }
    let mut run = started.run;
    loop {
        let step = match run.step().await {
            Ok(step) => step.unwrap_or_default(),
            Err(fault) => return failed(context, &job, fault).await,
        };
        let idle = step.items == 0;
        match store.commit(&job, &step, clock.now()).await? {
            Commit::Ended(_) => return Ok(Slice::Ended),
            Commit::Lost => return Ok(Slice::Nothing),
            // a run that ends before its plan would go on for ever
            Commit::Committed(job) if idle => {
                return failed(context, &job, Fault::Internal("the run ended before its plan".to_owned())).await;
            }
            Commit::Committed(next) => job = *next,
        }
        if clock.now() - began >= SLICE {
            return Ok(Slice::More(clock.now()));
        }
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
            "Internal error.".to_owned()
        }
    };
    store.end_job(job.id, Ending::Failed(text), now).await?;
    Ok(Slice::Ended)
}

/// Ends a job whose work was given up.
pub(crate) async fn give_up(context: &Context, work: &WorkItem) -> Result<(), StoreError> {
    let Some(id) = JobId::parse(&work.subject) else { return Ok(()) };
    context.store().end_job(id, Ending::Failed("Internal error.".to_owned()), context.clock().now()).await.map(|_| ())
}

/// Fills the free slots of a lane (outsend 7.3).
pub(crate) async fn admit(context: &Context, lane: Lane) -> Result<(), StoreError> {
    while let Admission::Admitted(job) = context.store().admit(lane, context.clock().now()).await? {
        tracing::info!(job = %job, lane = lane.as_str(), "job admitted");
    }
    Ok(())
}

/// What is repaired each minute: wake-ups that were missed, lifetimes and retentions that ended (outsend 7.3, 7.5).
pub(crate) async fn sweep(context: &Context) -> Result<(), StoreError> {
    let (store, now) = (context.store(), context.clock().now());
    for id in store.due_jobs(now, SWEPT).await? {
        let swept = match store.any_job(id).await? {
            Some(job) if job.status.is_active() => {
                let ending = Ending::Failed("Job exceeded its maximum lifetime.".to_owned());
                store.end_job(id, ending, now).await.map(|_| ())
            }
            _ => store.expire_job(id, now).await,
        };
        // one that fails stops no other, and is due again
        if let Err(error) = swept {
            tracing::error!(job = %id, cause = %error, "job not swept");
        }
    }
    for lane in Lane::ALL {
        admit(context, lane).await?;
    }
    Ok(())
}
