//! What a request cost, from its canonical line in the log.

use serde_json::Value;

use crate::{Answer, binaries, log};

/// What a request asked the store for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Calls.
    pub calls: u64,
    /// Calls that waited for one another.
    pub sequential: u64,
    /// Items that were read.
    pub items_read: u64,
}

/// Sends a request under an id of its own, and reads what the log says that it cost.
pub async fn measured(send: impl AsyncFnOnce(&str) -> Answer) -> (Answer, Cost) {
    let log = log();
    let id = uuid::Uuid::new_v4().to_string();
    // counted are the calls of a process that knows what the test's other functions learned
    let answer = binaries::linked(send(&id)).await;
    let line = log.of(&id).pop().unwrap();
    let number = |name: &str| line[name].as_u64().unwrap_or_default();
    let cost = Cost {
        calls: number("store.calls"),
        sequential: number("store.sequential"),
        items_read: number("store.items_read"),
    };
    assert!(matches!(line["store.sequential"], Value::Number(_)), "{line}");
    (answer, cost)
}
