//! Limits under concurrency (outset 12).

use harness::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_parallel_requests_exactly_the_limit_passes() {
    let bench = Bench::start().await.unwrap();
    let now = bench.context.clock().now();
    let calls = (0..1_000).map(|_| {
        let context = bench.context.clone();
        tokio::spawn(async move { context.limits().charge("b", 120, now).await.unwrap().passed })
    });
    let passed =
        futures_util::future::join_all(calls).await.into_iter().filter(|passed| *passed.as_ref().unwrap()).count();
    assert_eq!(passed, 120);
}
