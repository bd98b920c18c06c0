//! What the clock makes due, in steps: the work function runs them each minute, and a scheduler outside may run them
//! through the cron endpoint (openscouter 20). Each is safe to run at the same time as another one.

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::{
    BoxFuture,
    context::Context,
    model::{Action, AuditEntry, TestSessionId},
    store::{DueErasure, DuePayout, StoreError},
};

/// How often the start of an erasure is tried that somebody else's change got in the way of.
const MAX_ATTEMPTS: u32 = 8;
/// Items that are dealt with at a time.
const AT_A_TIME: usize = 10;
/// How long a schedule's own function begins steps; less than it may take.
const TICK: Duration = Duration::seconds(240);
/// What each of its steps deals with at most.
const STEP: u32 = 200;

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

/// How many to read to know whether there are more than `limit`.
fn one_more(limit: u32) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX).saturating_add(1)
}

/// Deals with what is due, at most `limit` of it, some at a time; what fails is logged as `failure` and is due again.
async fn deal_with<T, F>(
    due: Vec<T>,
    limit: u32,
    failure: &'static str,
    each: impl Fn(T) -> F,
    name: impl Fn(&T) -> String,
) -> Result<Step, StoreError>
where
    F: Future<Output = Result<bool, StoreError>>,
{
    let more = due.len() > limit as usize;
    let mut due: Vec<_> = due.into_iter().take(limit as usize).collect();
    let next = due.last().filter(|_| more).map(name);
    // two sweeps at once begin at different places, so that they are seldom in each other's way
    let start = usize::from(uuid::Uuid::new_v4().as_bytes()[0]) * due.len() / 256;
    due.rotate_left(start);
    let dealt: Vec<_> = stream::iter(due.into_iter().map(each)).buffer_unordered(AT_A_TIME).collect().await;
    let mut step = Step { next, ..Step::default() };
    for dealt in dealt {
        match dealt {
            Ok(done) => step.processed += u32::from(done),
            // one that fails stops no other
            Err(error) => {
                tracing::error!(cause = %error, "{failure}");
                step.failed += 1;
            }
        }
    }
    Ok(step)
}

/// What a sweep's step is made by: a context, where it begins, and how many items it deals with at most.
pub type Sweep = for<'a> fn(&'a Context, &'a str, u32) -> BoxFuture<'a, Result<Step, StoreError>>;

/// Makes steps of a sweep for a schedule's own function, until nothing is due or its time is over; what it has no time for
/// is due at the next tick. The answer says what was done.
///
/// # Errors
/// When the store cannot say what is due.
pub fn tick(context: Context, sweep: Sweep) -> BoxFuture<'static, Result<Value, String>> {
    Box::pin(async move {
        let until = context.clock().now() + TICK;
        let (mut processed, mut failed, mut after) = (0, 0, String::new());
        while context.clock().now() < until {
            let step = sweep(&context, &after, STEP).await.map_err(|error| error.to_string())?;
            processed += step.processed;
            failed += step.failed;
            match step.next {
                Some(next) => after = next,
                None => break,
            }
        }
        tracing::info!(target: "canonical", processed, failed, "swept");
        Ok(json!({"processed": processed, "failed": failed}))
    })
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
        let now = context.clock().now();
        let due = context.store().overdue_test_sessions(after, now, one_more(limit)).await?;
        deal_with(
            due,
            limit,
            "session not ended",
            |(_, id)| end_overdue_session(context, id, now),
            |(end, _)| end.clone(),
        )
        .await
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
        let now = context.clock().now();
        let due = context.store().due_payouts(after, now, one_more(limit)).await?;
        deal_with(due, limit, "payout not begun", |name| begin_due_payout(context, name, now), String::clone).await
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

/// Sets off the messages that were approved and whose time came, at most `limit` of those behind the name `after`
/// (openscouter 20). The work that follows delivers them.
///
/// # Errors
/// When the store cannot say what is due.
pub fn send_due_outreach<'a>(
    context: &'a Context,
    after: &'a str,
    limit: u32,
) -> BoxFuture<'a, Result<Step, StoreError>> {
    Box::pin(async move {
        let (store, now) = (context.store(), context.clock().now());
        let due = store.due_outreach(after, now, one_more(limit)).await?;
        let send = |name: String| async move { store.send_outreach(&name, now).await };
        deal_with(due, limit, "message not sent", send, String::clone).await
    })
}

/// Ends the proposals that nobody answered in time, and reminds testers who have not begun or do not go on, at most `limit`
/// of what stands behind the name `after` (openscouter 20). The work that follows sends the reminders.
///
/// # Errors
/// When the store cannot say what is due.
pub fn remind_due_testers<'a>(
    context: &'a Context,
    after: &'a str,
    limit: u32,
) -> BoxFuture<'a, Result<Step, StoreError>> {
    Box::pin(async move {
        let (store, now) = (context.store(), context.clock().now());
        let due = store.due_reminders(after, now, one_more(limit)).await?;
        let remind = |name: String| async move { store.remind(&name, now).await };
        deal_with(due, limit, "nobody reminded", remind, String::clone).await
    })
}
