//! Counts what a request costs in the store: the canonical log line says it, and tests assert it.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

tokio::task_local! {
    static ROUND_TRIPS: Arc<Counters>;
}

#[derive(Debug, Default)]
struct Counters {
    calls: AtomicU32,
    sequential: AtomicU32,
    in_flight: AtomicU32,
    items: AtomicU32,
}

/// What a request cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Calls to DynamoDB.
    pub calls: u32,
    /// How many of them had to wait for another: calls that go out together count as one.
    pub sequential: u32,
    /// Items read.
    pub items_read: u32,
}

/// Runs `request` and counts its calls.
pub async fn counted<T>(request: impl Future<Output = T>) -> (T, Cost) {
    let counters = Arc::new(Counters::default());
    let answer = ROUND_TRIPS.scope(Arc::clone(&counters), request).await;
    let cost = Cost {
        calls: counters.calls.load(Ordering::Relaxed),
        sequential: counters.sequential.load(Ordering::Relaxed),
        items_read: counters.items.load(Ordering::Relaxed),
    };
    (answer, cost)
}

/// Counts one call around `call`; outside of [`counted`] it only runs it.
pub(crate) async fn round_trip<T>(call: impl Future<Output = T>) -> T {
    let Ok(counters) = ROUND_TRIPS.try_with(Arc::clone) else { return call.await };
    counters.calls.fetch_add(1, Ordering::Relaxed);
    if counters.in_flight.fetch_add(1, Ordering::Relaxed) == 0 {
        counters.sequential.fetch_add(1, Ordering::Relaxed);
    }
    let answer = call.await;
    counters.in_flight.fetch_sub(1, Ordering::Relaxed);
    answer
}

/// Counts items that a call returned.
pub(super) fn items_read(count: usize) {
    let _ = ROUND_TRIPS
        .try_with(|counters| counters.items.fetch_add(u32::try_from(count).unwrap_or(u32::MAX), Ordering::Relaxed));
}
