//! The reactor: what follows from changes of entities, brought by the table's stream. Safe under records that come
//! twice, late or out of order, because it only looks at what is there now.

use serde_json::{Value, json};

use crate::{BoxFuture, context::Context, jobs};

/// Handles one batch of stream records.
#[must_use]
pub fn handle(context: Context, event: Value) -> BoxFuture<'static, Result<Value, String>> {
    Box::pin(async move {
        let records = event.get("Records").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let keys = records.iter().filter_map(|record| record.pointer("/dynamodb/Keys/pk/S")?.as_str());
        let mut lanes: Vec<_> =
            keys.filter_map(|pk| pk.strip_prefix("LANE#")).filter_map(engine::Lane::parse).collect();
        lanes.dedup();
        for lane in engine::Lane::ALL {
            // a job waits, or a slot may be free
            if lanes.contains(&lane) {
                jobs::admit(&context, lane).await.map_err(|error| error.to_string())?;
            }
        }
        Ok(json!({"batchItemFailures": []}))
    })
}
