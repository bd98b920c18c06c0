//! Lists that all tenants share are brought in line with what was written.

use futures_util::future::join_all;
use serde_json::Value;
use shared::store::SharedList;

use crate::{kind::MAX_TIME, workers::Workers};

/// Drains the lists that these records are about. What fails stays pending, for the next record or the next minute.
pub(crate) async fn named(workers: &Workers, records: &[Value]) {
    let pks = records.iter().filter_map(|record| record.pointer("/dynamodb/Keys/pk/S")?.as_str());
    let named: Vec<_> = pks.filter_map(SharedList::of_pending).collect();
    let lists = SharedList::ALL.into_iter().filter(|list| named.contains(list));
    join_all(lists.map(|list| drain(workers, list, false))).await;
}

/// Drains what nobody came for.
pub(crate) async fn left(workers: &Workers) {
    join_all(SharedList::ALL.map(|list| drain(workers, list, true))).await;
}

async fn drain(workers: &Workers, list: SharedList, left: bool) {
    let (store, clock) = (workers.store(), workers.context().clock());
    let until = clock.now() + MAX_TIME;
    let drained = match left {
        true => store.drain_left(list, clock, until).await,
        false => store.drain(list, clock, until).await,
    };
    if let Err(error) = drained {
        tracing::error!(?list, cause = %error, "lists not drained");
    }
}
