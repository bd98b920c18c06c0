//! Payouts that failed are tried again when their time has come, and those that waited for an account begin once it takes
//! them (openscouter 16.2, 20). A schedule calls it every hour; over HTTP the cron endpoint does the same.
//!
//! Ticks may overlap, repeat or be missed: a try is begun by one conditional write. What a tick has no time for is due at the
//! next one.

use serde_json::{Value, json};
use shared::{
    BoxFuture,
    context::Context,
    lambda::{Background, background},
    sweeps::retry_due_payouts,
};
use time::Duration;

/// The function.
pub const FUNCTION: Background = background(env!("CARGO_PKG_NAME"), tick);

/// How long a tick begins steps; less than the function may take.
const TIME: Duration = Duration::seconds(240);
/// What a step deals with at most.
const STEP: u32 = 200;

fn tick(context: Context, _: Value) -> BoxFuture<'static, Result<Value, String>> {
    Box::pin(async move {
        let until = context.clock().now() + TIME;
        let (mut processed, mut failed, mut after) = (0, 0, String::new());
        while context.clock().now() < until {
            let step = retry_due_payouts(&context, &after, STEP).await.map_err(|error| error.to_string())?;
            processed += step.processed;
            failed += step.failed;
            match step.next {
                Some(next) => after = next,
                None => break,
            }
        }
        tracing::info!(target: "canonical", processed, failed, "payouts");
        Ok(json!({"processed": processed, "failed": failed}))
    })
}
