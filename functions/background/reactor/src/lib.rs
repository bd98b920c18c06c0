//! What follows from changes of entities, brought by the main table's stream: waiting jobs start when a slot is free
//! (outsend 7.3). Safe under records that come twice, late or out of order, because it only looks at what is there now.

use serde_json::{Value, json};
use shared::{
    BoxFuture,
    context::Context,
    lambda::{Background, background},
    model::Lane,
};

/// The function.
pub const FUNCTION: Background = background(env!("CARGO_PKG_NAME"), react);

/// Handles one batch of stream records.
fn react(context: Context, event: Value) -> BoxFuture<'static, Result<Value, String>> {
    Box::pin(async move {
        let changed = changed_lanes(&event);
        for lane in Lane::ALL.into_iter().filter(|lane| changed.contains(lane)) {
            // a job waits, or a slot may be free
            let now = context.clock().now();
            context.store().fill_lane(lane, now).await.map_err(|error| error.to_string())?;
        }
        Ok(json!({"batchItemFailures": []}))
    })
}

/// The lanes whose items a batch is about.
fn changed_lanes(event: &Value) -> Vec<Lane> {
    let records = event.get("Records").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let keys = records.iter().filter_map(|record| record.pointer("/dynamodb/Keys/pk/S")?.as_str());
    keys.filter_map(|pk| pk.strip_prefix("LANE#")).filter_map(Lane::parse).collect()
}
