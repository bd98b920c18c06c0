//! What is repaired and ended each minute, whatever the stream brings.

use shared::{
    model::{JobId, Lane},
    store::{Ending, StoreError},
    sweeps,
};
use time::{Duration, OffsetDateTime};

use crate::workers::Workers;

/// Accounts that one sweep erases.
const MAX_ERASURES: u32 = 25;
/// Approvals and audit records that one sweep takes off their lists.
const MAX_FORGOTTEN: u32 = 100;
/// Jobs that one sweep ends or expires.
const MAX_JOBS: i32 = 25;
/// Test sessions that are ended in one step.
const MAX_SESSIONS: u32 = 100;
/// How long a sweep ends sessions at a time; what is due waits for it.
const SESSIONS_TIME: Duration = Duration::seconds(10);

/// Sweeps all there is. What is due must not wait for what cannot be read, so that no failure stops the rest.
pub(crate) async fn everything(workers: &Workers) {
    let (store, now) = (workers.store(), workers.now());
    if let Err(error) = sweeps::start_due_erasures(workers.context(), 0, MAX_ERASURES).await {
        tracing::error!(cause = %error, "erasures not started");
    }
    if let Err(error) = sessions(workers).await {
        tracing::error!(cause = %error, "sessions not ended");
    }
    let (retired, forgotten) =
        futures_util::future::join(store.retire_approvals(now, MAX_FORGOTTEN), store.forget_audit(now, MAX_FORGOTTEN))
            .await;
    if let Err(error) = retired {
        tracing::error!(cause = %error, "approvals not retired");
    }
    if let Err(error) = forgotten {
        tracing::error!(cause = %error, "audit records not forgotten");
    }
    if let Err(error) = jobs(workers).await {
        tracing::error!(cause = %error, "jobs not swept");
    }
}

/// Ends the test sessions whose time is over, as long as there are any and there is time (openscouter 20).
async fn sessions(workers: &Workers) -> Result<(), StoreError> {
    let began = workers.now();
    let mut after = String::new();
    while workers.now() - began < SESSIONS_TIME {
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
async fn jobs(workers: &Workers) -> Result<(), StoreError> {
    let (store, now) = (workers.store(), workers.now());
    for id in store.due_jobs(now, MAX_JOBS).await? {
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
