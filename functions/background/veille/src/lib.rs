//! The veilles that are due are claimed, and their runs begin (outsend 15.3). A schedule calls it every five minutes.
//!
//! Ticks may overlap, repeat or be missed: a slot is claimed by one conditional write. A tick costs what is due, however
//! many veilles there are; what it has no time for is due at the next one.

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::{
    BoxFuture,
    context::Context,
    lambda::{Background, background},
    store::{Store, StoreError, VeilleClaim},
};
use time::{Duration, OffsetDateTime};

/// The function.
pub const FUNCTION: Background = background(env!("CARGO_PKG_NAME"), tick);

/// How long a tick begins claims; less than the time between two, and than the function may take.
const TIME: Duration = Duration::seconds(240);
/// Veilles of a list that are claimed at a time.
const STEP: i32 = 25;

/// What a tick did.
#[derive(Clone, Copy, Debug, Default)]
struct Ticked {
    started: u64,
    skipped: u64,
    failed: u64,
}

fn tick(context: Context, _: Value) -> BoxFuture<'static, Result<Value, String>> {
    Box::pin(async move {
        let until = context.clock().now() + TIME;
        let shards = join_all((0..Store::veille_shards()).map(|shard| claim_due(&context, shard, until))).await;
        let mut all = Ticked::default();
        let mut unread = None;
        for shard in shards {
            match shard {
                Ok(ticked) => {
                    all.started += ticked.started;
                    all.skipped += ticked.skipped;
                    all.failed += ticked.failed;
                }
                // the others were ticked all the same
                Err(error) => unread = Some(error),
            }
        }
        let Ticked { started, skipped, failed } = all;
        tracing::info!(target: "canonical", started, skipped, failed, "veilles");
        match unread {
            Some(error) => Err(error.to_string()),
            None => Ok(json!({"started": started, "skipped": skipped, "failed": failed})),
        }
    })
}

/// Claims what is due in a list, as long as there is time.
async fn claim_due(context: &Context, shard: u8, until: OffsetDateTime) -> Result<Ticked, StoreError> {
    let (store, clock) = (context.store(), context.clock());
    let (mut ticked, mut last) = (Ticked::default(), None);
    loop {
        let now = clock.now();
        let due = store.due_veilles(shard, last.as_ref(), STEP, now).await?;
        for claim in join_all(due.iter().map(|due| store.claim_veille(due, now))).await {
            match claim {
                Ok(VeilleClaim::Started) => ticked.started += 1,
                Ok(VeilleClaim::Skipped) => ticked.skipped += 1,
                Ok(VeilleClaim::Nothing) => {}
                // it stays due, and stops no other one
                Err(error) => {
                    ticked.failed += 1;
                    tracing::error!(cause = %error, "veille not claimed");
                }
            }
        }
        last = due.into_iter().next_back();
        if last.is_none() || clock.now() >= until {
            return Ok(ticked);
        }
    }
}
