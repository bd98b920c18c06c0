//! `agent-sweep` (openscouter 20).

use shared::{context::Context, store::StoreError, sweeps::Step};
use time::OffsetDateTime;

/// Has the jobs of agents taken up again that wait, or whose worker was lost, at most `limit` of those behind `after`
/// (openscouter 20): their work is put back, and the stream brings it.
///
/// # Errors
/// When the store cannot say what is due.
pub(crate) async fn sweep(context: &Context, after: &str, limit: u32) -> Result<Step, StoreError> {
    let (store, now) = (context.store(), context.clock().now());
    let mut due: Vec<_> = store.due_work(now).await?.into_iter().filter(|id| id.starts_with("agent-")).collect();
    due.sort();
    due.retain(|id| id.as_str() > after);
    let more = due.len() > limit as usize;
    due.truncate(limit as usize);
    let mut step = Step { next: due.last().filter(|_| more).cloned(), ..Step::default() };
    for id in due {
        match put_back(context, &id, now).await {
            Ok(done) => step.processed += u32::from(done),
            Err(error) => {
                tracing::error!(cause = %error, "agent not dispatched");
                step.failed += 1;
            }
        }
    }
    Ok(step)
}

/// Puts a piece of work back, unless somebody has it.
async fn put_back(context: &Context, id: &str, now: OffsetDateTime) -> Result<bool, StoreError> {
    let Some(work) = context.store().lease_work(id, now).await? else { return Ok(false) };
    context.store().continue_work(&work, now).await?;
    Ok(true)
}
