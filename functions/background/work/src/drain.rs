//! Lists that many write are brought in line with what was written.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::Value;
use shared::store::{Drained, SharedList, StoreError};

use crate::{kind::MAX_TIME, workers::Workers};

/// Drains the lists that these records are about. What fails stays pending, for the next record or the next minute.
pub(crate) async fn named(workers: &Workers, records: &[Value]) {
    let mut told: Vec<(SharedList, BTreeSet<(String, String)>)> = Vec::new();
    for record in records {
        let key = |name: &str| Some(record.pointer(&format!("/dynamodb/Keys/{name}/S"))?.as_str()?.to_owned());
        let (Some(pk), Some(sk)) = (key("pk"), key("sk")) else { continue };
        let Some(list) = SharedList::of_pending(&pk) else { continue };
        match told.iter_mut().find(|(known, _)| *known == list) {
            Some((_, keys)) => _ = keys.insert((pk, sk)),
            None => told.push((list, BTreeSet::from([(pk, sk)]))),
        }
    }
    join_all(told.into_iter().map(|(list, keys)| async move {
        let (clock, until) = (workers.context().clock(), workers.now() + MAX_TIME);
        log(list, workers.store().drain_told(list, keys.into_iter().collect(), clock, until).await);
    }))
    .await;
}

/// Drains what nobody came for.
pub(crate) async fn left(workers: &Workers) {
    join_all(SharedList::ALL.map(|list| async move {
        let (clock, until) = (workers.context().clock(), workers.now() + MAX_TIME);
        log(list, workers.store().drain_left(list, clock, until).await);
    }))
    .await;
}

fn log(list: SharedList, drained: Result<Drained, StoreError>) {
    if let Err(error) = drained {
        tracing::error!(?list, cause = %error, "lists not drained");
    }
}
