//! What is repaired and ended each minute, whatever the stream brings.

use std::fmt::Display;

use futures_util::future;
use shared::{
    model::{JobId, Lane},
    store::{Ending, StoreError},
    sweeps,
};
use time::OffsetDateTime;

use crate::workers::Workers;

/// Accounts that one sweep erases.
const MAX_ERASURES: u32 = 25;
/// Approvals, audit records and payouts that one sweep takes off their lists.
const MAX_FORGOTTEN: u32 = 100;
/// Jobs that one sweep ends or expires.
const MAX_JOBS: i32 = 25;
/// Test sessions that are ended in one step.
const MAX_SESSIONS: u32 = 25;

/// Sweeps all there is, as far as it can be begun before `enough`. What is due must not wait for what cannot be read, so
/// that no failure stops the rest.
pub(crate) async fn everything(workers: &Workers, enough: OffsetDateTime) {
    let context = workers.context();
    let erasures = async { sweeps::start_due_erasures(context, 0, MAX_ERASURES).await.map(|_| ()) };
    let approvals = async { workers.store().retire_approvals(workers.now(), MAX_FORGOTTEN).await.map(|_| ()) };
    let audit = async { workers.store().forget_audit(workers.now(), MAX_FORGOTTEN).await.map(|_| ()) };
    let payouts = async { workers.store().forget_payouts(workers.now(), MAX_FORGOTTEN).await.map(|_| ()) };
    future::join(
        told("payouts not forgotten", payouts),
        future::join5(
            told("erasures not started", erasures),
            told("sessions not ended", sessions(workers, enough)),
            told("approvals not retired", approvals),
            told("audit records not forgotten", audit),
            told("jobs not swept", jobs(workers, enough)),
        ),
    )
    .await;
}

async fn told<E: Display>(what: &str, sweep: impl Future<Output = Result<(), E>>) {
    if let Err(error) = sweep.await {
        tracing::error!(cause = %error, "{what}");
    }
}

/// Ends the test sessions whose time is over, as long as there are any and there is time (openscouter 20).
async fn sessions(workers: &Workers, enough: OffsetDateTime) -> Result<(), StoreError> {
    let mut after = String::new();
    while workers.now() < enough {
        let step = sweeps::end_overdue_sessions(workers.context(), &after, MAX_SESSIONS).await?;
        match step.next {
            Some(next) => after = next,
            None => break,
        }
    }
    Ok(())
}

/// Ends jobs whose lifetime is over, expires those whose retention is (outsend 7.5), and starts waiting ones whose
/// wake-up was missed (outsend 7.3).
async fn jobs(workers: &Workers, enough: OffsetDateTime) -> Result<(), StoreError> {
    let (store, now) = (workers.store(), workers.now());
    for id in store.due_jobs(now, MAX_JOBS).await? {
        if workers.now() >= enough {
            return Ok(());
        }
        // one that fails stops no other, and is due again
        if let Err(error) = end_or_expire(workers, id, now).await {
            tracing::error!(job = %id, cause = %error, "job not swept");
        }
    }
    for lane in Lane::ALL {
        store.fill_lane(lane, workers.now()).await?;
    }
    Ok(())
}

async fn end_or_expire(workers: &Workers, id: JobId, now: OffsetDateTime) -> Result<(), StoreError> {
    let store = workers.store();
    match store.any_job(id).await? {
        Some(job) if job.status.is_active() => {
            let ending = Ending::Failed("Job exceeded its maximum lifetime.".to_owned());
            store.end_job(id, ending, now).await.map(|_| ())
        }
        _ => store.expire_job(id, now).await,
    }
}
