//! What the clock makes due, in steps: the work function runs them each minute, and a scheduler outside may run them
//! through the cron endpoint (openscouter 20). Each is safe to run at the same time as another one.

use futures_util::{StreamExt as _, stream};
use serde_json::json;
use time::OffsetDateTime;

use crate::{
    BoxFuture,
    context::Context,
    model::{Action, AuditEntry, TestSessionId},
    store::{DueErasure, DuePayout, StoreError},
};

/// How often the start of an erasure is tried that somebody else's change got in the way of.
const MAX_ATTEMPTS: u32 = 8;
/// Sessions that are ended at a time.
const AT_A_TIME: usize = 10;

/// What became of a step of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Items that it dealt with.
    pub processed: u32,
    /// Items that failed; they are due again.
    pub failed: u32,
    /// Where the next step begins, if there is more to do.
    pub next: Option<String>,
}

/// Deletes the accounts whose erasure is due, at most `limit` behind the `failed` first ones, which stay there; what
/// hangs on them is the work that follows (openscouter 18, 20).
///
/// # Errors
/// When the store cannot say what is due.
pub fn start_due_erasures(context: &Context, failed: u32, limit: u32) -> BoxFuture<'_, Result<Step, StoreError>> {
    Box::pin(async move {
        let (store, now) = (context.store(), context.clock().now());
        let mut step = Step::default();
        let due = store.due_erasures(now, failed.into(), limit.saturating_add(1)).await?;
        let more = due.len() > limit as usize;
        for due in due.into_iter().take(limit as usize) {
            match start_erasure(context, due, now).await {
                Ok(()) => step.processed += 1,
                // one that fails stops no other, and is due again
                Err(error) => {
                    tracing::error!(cause = %error, "erasure not started");
                    step.failed += 1;
                }
            }
        }
        step.next = more.then(|| (failed + step.failed).to_string());
        Ok(step)
    })
}

async fn start_erasure(context: &Context, due: DueErasure, now: OffsetDateTime) -> Result<(), StoreError> {
    let store = context.store();
    for _ in 0..MAX_ATTEMPTS {
        let Some(account) = store.account(due.user).await? else { return store.drop_erasure(due).await };
        let record = AuditEntry::of_operator(Action::ErasureCompleted, Some(due.user.wire()), json!({}), now);
        if store.delete_account(&account.user, &record, now).await? {
            tracing::info!(user = %due.user, "account erased");
            return store.drop_erasure(due).await;
        }
    }
    Err(StoreError::Contended(MAX_ATTEMPTS))
}

/// Ends the test sessions whose time is over, at most `limit` of those that stand behind `after` in the order of their
/// ends (openscouter 20).
///
/// # Errors
/// When the store cannot say what is due.
pub fn end_overdue_sessions<'a>(
    context: &'a Context,
    after: &'a str,
    limit: u32,
) -> BoxFuture<'a, Result<Step, StoreError>> {
    Box::pin(async move {
        let (store, now) = (context.store(), context.clock().now());
        let rows = i32::try_from(limit).unwrap_or(i32::MAX).saturating_add(1);
        let due = store.overdue_test_sessions(after, now, rows).await?;
        let more = due.len() > limit as usize;
        let due: Vec<_> = due.into_iter().take(limit as usize).collect();
        let next = due.last().filter(|_| more).map(|(end, _)| end.clone());
        let ended = due.into_iter().map(|(_, id)| end_overdue_session(context, id, now));
        let ended: Vec<_> = stream::iter(ended).buffer_unordered(AT_A_TIME).collect().await;
        let mut step = Step { next, ..Step::default() };
        for ended in ended {
            match ended {
                Ok(done) => step.processed += u32::from(done),
                // one that fails stops no other, and is due again
                Err(error) => {
                    tracing::error!(cause = %error, "session not ended");
                    step.failed += 1;
                }
            }
        }
        Ok(step)
    })
}

async fn end_overdue_session(context: &Context, id: TestSessionId, now: OffsetDateTime) -> Result<bool, StoreError> {
    let Some(session) = context.store().test_session(id).await?.filter(|session| session.status.is_running()) else {
        return Ok(false);
    };
    let ended = session.completed(session.planned_end(), true);
    // somebody else's change: it is due again at the next sweep, if it still runs
    context.store().change_test_session(&session, &ended, None, now).await
}

/// Begins the payouts whose next try is due, and those that wait for an account that takes them by now, at most `limit` of
/// what stands behind the name `after` in the order of its times (openscouter 20). The work that follows makes them.
///
/// # Errors
/// When the store cannot say what is due.
pub fn retry_due_payouts<'a>(
    context: &'a Context,
    after: &'a str,
    limit: u32,
) -> BoxFuture<'a, Result<Step, StoreError>> {
    Box::pin(async move {
        let (store, now) = (context.store(), context.clock().now());
        let rows = i32::try_from(limit).unwrap_or(i32::MAX).saturating_add(1);
        let due = store.due_payouts(after, now, rows).await?;
        let more = due.len() > limit as usize;
        let due: Vec<_> = due.into_iter().take(limit as usize).collect();
        let next = due.last().filter(|_| more).cloned();
        let begun = due.into_iter().map(|name| begin_due_payout(context, name, now));
        let begun: Vec<_> = stream::iter(begun).buffer_unordered(AT_A_TIME).collect().await;
        let mut step = Step { next, ..Step::default() };
        for begun in begun {
            match begun {
                Ok(done) => step.processed += u32::from(done),
                // one that fails stops no other, and is due again
                Err(error) => {
                    tracing::error!(cause = %error, "payout not begun");
                    step.failed += 1;
                }
            }
        }
        Ok(step)
    })
}

async fn begin_due_payout(context: &Context, name: String, now: OffsetDateTime) -> Result<bool, StoreError> {
    match DuePayout::parse(&name) {
        Some(DuePayout::Retry(id)) => context.store().retry_payout(id, now).await,
        // the rest of a long list stays due
        Some(DuePayout::Enabled(tester)) => context.store().release_payouts(tester, now).await.map(|_| true),
        None => Ok(false),
    }
}
