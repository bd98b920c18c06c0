//! One piece of work: taken up under a lease, run by its kind, ended or put back, and logged.

use std::sync::Arc;

use shared::{BoxFuture, clock::epoch_millis};

use crate::{
    kind::{Outcome, WorkError},
    kinds,
    workers::Workers,
};

/// How often a piece of work is tried before it is given up.
const MAX_ATTEMPTS: u32 = 8;

/// Does one piece of work; what fails stays there and is taken up again when its lease has lapsed.
pub(crate) fn attempt(workers: Arc<Workers>, id: String) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        if let Err(cause) = run(&workers, &id).await {
            tracing::error!(work = id, cause = %cause, "work failed");
        }
    })
}

async fn run(workers: &Workers, id: &str) -> Result<(), WorkError> {
    let (store, began) = (workers.store(), workers.now());
    let Some(work) = store.lease_work(id, began).await? else { return Ok(()) };
    let kind = kinds::of(work.kind);
    let outcome = if work.attempt > MAX_ATTEMPTS {
        tracing::error!(work = id, kind = work.kind.as_str(), "work given up");
        (kind.give_up)(workers, &work).await?
    } else {
        (kind.run)(workers, &work).await?
    };
    let outcome = match outcome {
        Outcome::Ended => return Ok(()),
        Outcome::AgainAt(due) => return Ok(store.continue_work(&work, due).await?),
        Outcome::Done(outcome) => outcome,
    };
    store.finish_work(&work).await?;
    let duration_ms = epoch_millis(workers.now()) - epoch_millis(began);
    tracing::info!(target: "canonical", work = id, kind = work.kind.as_str(), attempt = work.attempt, outcome, duration_ms, "work");
    Ok(())
}
