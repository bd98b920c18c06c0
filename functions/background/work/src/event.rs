//! An event of the platform: records of the table's stream that bring new work, or the schedule's, each minute.

use std::sync::Arc;

use futures_util::{StreamExt as _, future, stream};
use serde_json::{Value, json};

use crate::{drain, item, sweep, workers::Workers};

/// Pieces of work that one invocation does at a time.
const AT_A_TIME: usize = 10;

/// Handles one event. Several pieces of work are done at a time; what fails stays there, and no record is brought
/// again for it.
///
/// # Errors
/// When the schedule's event finds out nothing of what is due.
pub(crate) async fn handle(workers: Arc<Workers>, event: Value) -> Result<Value, String> {
    let records = event.get("Records").and_then(Value::as_array);
    let ids = match records {
        Some(records) => named(records),
        None => {
            sweep::everything(&workers).await;
            workers.store().due_work(workers.now()).await.map_err(|error| error.to_string())?
        }
    };
    let runs = ids.into_iter().map(|id| item::attempt(Arc::clone(&workers), id));
    let work = stream::iter(runs).buffer_unordered(AT_A_TIME).collect::<()>();
    // beside the work: lists that take long hold nothing back, and the two fit into the function's time
    let drains = async {
        match records {
            Some(records) => drain::named(&workers, records).await,
            None => drain::left(&workers).await,
        }
    };
    future::join(work, drains).await;
    Ok(json!({"batchItemFailures": []}))
}

/// The ids of the work that these records are about.
fn named(records: &[Value]) -> Vec<String> {
    let keys = records.iter().filter_map(|record| record.pointer("/dynamodb/Keys/sk/S")?.as_str());
    keys.filter_map(|sk| Some(sk.strip_prefix("WORK#")?.to_owned())).collect()
}
