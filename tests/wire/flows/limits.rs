//! Rate windows, whatever the dialect (outset 12, outsend 3, openscouter 2.6).

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

#[tokio::test]
async fn a_limit_that_was_guessed_wrong_is_still_exact() {
    let bench = Bench::start().await.unwrap();
    let (limits, now) = (bench.context.limits(), bench.context.clock().now());
    for (bucket, guess, limit) in [("raised", 20, 60), ("lowered", 60, 20), ("right", 40, 40)] {
        let calls = (0..100).map(|_| async {
            let taken = limits.take(bucket, guess, now).await.unwrap();
            limits.judge(bucket, taken, (guess, limit), now).await.unwrap().passed
        });
        let passed = futures_util::future::join_all(calls).await.into_iter().filter(|passed| *passed).count();
        assert_eq!(passed, usize::try_from(limit).unwrap(), "{bucket}");
    }
}
