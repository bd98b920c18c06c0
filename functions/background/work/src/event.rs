//! An event of the platform: records of the table's stream that bring new work, or the schedule's, each minute.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::{StreamExt as _, future, stream};
use serde_json::{Value, json};
use shared::{BoxFuture, model::Delivery, store::StoreError};
use time::OffsetDateTime;

use crate::{drain, item, kind::BEGIN_TIME, sweep, workers::Workers};

/// Pieces of work that one invocation does at a time.
const AT_A_TIME: usize = 10;
/// Deliveries to one webhook that are made at a time.
const TO_A_WEBHOOK: usize = 4;
/// Users whose deliveries are made at a time.
const USERS_AT_A_TIME: usize = 16;

/// Handles one event. Several pieces of work are done at a time; what fails stays there, and no record is brought
/// again for it. What cannot be begun in time is left to the next minute, so that an invocation ends well inside the
/// function's time limit.
///
/// # Errors
/// When the schedule's event finds out nothing of what is due.
pub(crate) async fn handle(workers: Arc<Workers>, event: Value) -> Result<Value, String> {
    let enough = workers.now() + BEGIN_TIME;
    // beside one another: lists that take long, or a sweep, hold nothing back, and all fit into the function's time
    match event.get("Records").and_then(Value::as_array) {
        Some(records) => {
            future::join(all(&workers, named(records), enough), drain::named(&workers, records)).await;
        }
        None => {
            // what the sweep admits or finds is done right away
            let swept = async {
                sweep::everything(&workers, enough).await;
                due(&workers, enough).await
            };
            let (due, swept, ()) = future::join3(due(&workers, enough), swept, drain::left(&workers)).await;
            due.and(swept).map_err(|error| error.to_string())?;
        }
    }
    Ok(json!({"batchItemFailures": []}))
}

/// Does the work that is due.
async fn due(workers: &Arc<Workers>, enough: OffsetDateTime) -> Result<(), StoreError> {
    let ids = workers.store().due_work(workers.now()).await?;
    all(workers, ids, enough).await;
    Ok(())
}

/// Does pieces of work, those that can be begun before `enough`. Deliveries wait for receivers of others: they are made
/// beside the rest, and a few at a time to each webhook, so that who answers slowly holds nobody else back.
async fn all(workers: &Arc<Workers>, ids: Vec<String>, enough: OffsetDateTime) {
    let mut deliveries = BTreeMap::<String, BTreeMap<String, Vec<String>>>::new();
    let mut rest = Vec::new();
    for id in ids {
        match Delivery::way_of(&id).map(|(user, webhook)| (user.to_owned(), webhook.to_owned())) {
            Some((user, webhook)) => deliveries.entry(user).or_default().entry(webhook).or_default().push(id),
            None => rest.push(id),
        }
    }
    let users = deliveries
        .into_values()
        .map(|webhooks| future::join_all(webhooks.into_values().map(|ids| some(workers, ids, enough, TO_A_WEBHOOK))));
    let users = stream::iter(users).buffer_unordered(USERS_AT_A_TIME).collect::<Vec<_>>();
    future::join(some(workers, rest, enough, AT_A_TIME), users).await;
}

/// Does pieces of work, so many at a time.
fn some(workers: &Arc<Workers>, ids: Vec<String>, enough: OffsetDateTime, at_a_time: usize) -> BoxFuture<'_, ()> {
    let runs = ids.into_iter().map(move |id| async move {
        if workers.now() < enough {
            item::attempt(Arc::clone(workers), id).await;
        }
    });
    Box::pin(stream::iter(runs).buffer_unordered(at_a_time).collect::<()>())
}

/// The ids of the work that these records are about.
fn named(records: &[Value]) -> Vec<String> {
    let keys = records.iter().filter_map(|record| record.pointer("/dynamodb/Keys/sk/S")?.as_str());
    keys.filter_map(|sk| Some(sk.strip_prefix("WORK#")?.to_owned())).collect()
}
