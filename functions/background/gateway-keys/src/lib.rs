//! Organizations' own gateway keys are made, moved to another plan and removed, at the pace of the gateway's control plane. A
//! schedule calls it each minute.
//!
//! Ticks may overlap, repeat or be missed: each organization is one worker's at a time, and every call of the control plane
//! takes a turn among all processes. Until an organization's key counts, and while it moves, its requests count for pool keys:
//! nobody waits for any of this. What a tick has no time for is due at the next one.

mod control_plane;
mod moves;
mod pace;
mod settle;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use shared::{
    BoxFuture,
    context::Context,
    lambda::{Background, background},
    model::OrganizationId,
    store::StoreError,
};
use time::{Duration, OffsetDateTime};

use self::{
    control_plane::ControlPlane,
    settle::{Settled, Worker},
};

/// The function.
pub const FUNCTION: Background = background(env!("CARGO_PKG_NAME"), tick);

/// How long a tick begins calls; with the longest one, and with what is written behind it, it ends inside the function's time.
const TIME: Duration = Duration::seconds(57);
/// Organizations that are dealt with at a time: as many as keep the control plane busy.
const AT_A_TIME: usize = 8;
/// Keys that one tick looks at for being idle.
const LOOKED_AT: i32 = 250;
/// A key that nobody used for so long goes when there are many.
const IDLE: Duration = Duration::days(30);

/// What a tick did.
#[derive(Clone, Copy, Debug, Default)]
struct Ticked {
    settled: u64,
    waiting: u64,
    failed: u64,
}

fn tick(context: Context, _: Value) -> BoxFuture<'static, Result<Value, String>> {
    Box::pin(async move {
        let until = context.clock().now() + TIME;
        let retired = retire(&context).await.unwrap_or_else(|error| {
            tracing::error!(cause = %error, "idle gateway keys not looked for");
            0
        });
        let Ticked { settled, waiting, failed } = work(&context, until).await.map_err(|error| error.to_string())?;
        tracing::info!(target: "canonical", settled, waiting, failed, retired, "gateway keys");
        Ok(json!({"settled": settled, "waiting": waiting, "failed": failed, "retired": retired}))
    })
}

/// Deals with the organizations whose tasks are due, those that wait longest first.
async fn work(context: &Context, until: OffsetDateTime) -> Result<Ticked, StoreError> {
    let plane = ControlPlane::connect(context.settings());
    let worker = Worker { context, plane: plane.as_ref() };
    let due = context.store().due_key_tasks(context.clock().now()).await?;
    let each = due.into_iter().map(|organization| one(&worker, organization, until));
    let done: Vec<_> = stream::iter(each).buffer_unordered(AT_A_TIME).collect().await;
    let count = |what: Settled| done.iter().filter(|one| **one == Some(what)).count() as u64;
    Ok(Ticked { settled: count(Settled::Ended), waiting: count(Settled::Waits), failed: count(Settled::Failed) })
}

/// One organization; `None` when it is somebody else's, or there is no time for it.
fn one<'a>(
    worker: &'a Worker<'a>,
    organization: OrganizationId,
    until: OffsetDateTime,
) -> BoxFuture<'a, Option<Settled>> {
    Box::pin(async move {
        if worker.context.clock().now() >= until {
            return None;
        }
        match worker.settle(organization, until).await {
            Ok(settled) => settled,
            // its task is due again when the lease has lapsed
            Err(error) => {
                tracing::error!(%organization, cause = %error, "gateway key not settled");
                Some(Settled::Failed)
            }
        }
    })
}

/// Where there are many keys, those of a part that nobody used for long are to go.
async fn retire(context: &Context) -> Result<u64, StoreError> {
    let (store, now) = (context.store(), context.clock().now());
    let above = store.own_key_count().await?.saturating_sub(context.settings().gateway.idle_above);
    if above == 0 {
        return Ok(0);
    }
    let mut retired = 0;
    for key in store.idle_own_keys(now - IDLE, LOOKED_AT).await?.iter().take(above as usize) {
        retired += u64::from(store.retire_own_key(key, now).await?);
    }
    Ok(retired)
}
