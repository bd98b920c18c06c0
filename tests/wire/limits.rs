//! Limits under concurrency (outset 12).

use futures_util::{StreamExt as _, stream};
use harness::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_parallel_requests_exactly_the_limit_passes() {
    let bench = Bench::start().await.unwrap();
    let now = bench.context.clock().now();
    let calls = (0..1_000).map(|_| {
        let context = bench.context.clone();
        async move {
            tokio::spawn(async move { context.limits().charge("b", 120, now).await.unwrap().passed }).await.unwrap()
        }
    });
    let passed = stream::iter(calls).buffer_unordered(100).filter(|passed| std::future::ready(*passed)).count().await;
    assert_eq!(passed, 120);
}
