//! `GET /api/auth/me`: the caller's account (outsend 6.2).

use harness::{
    Bench,
    cost::measured,
    log,
    outsend::{me, signed_up},
    snapshot,
};

#[tokio::test]
async fn a_warm_request_makes_one_sequential_round_trip() {
    harness::binaries::linked(async {
        log();
        let bench = Bench::start().await.unwrap();
        let session = signed_up(&bench, "dana@example.com").await;
        let caller = [("cookie", session.as_str())];
        assert_eq!(me(&bench, &caller).await.status, 200);
        let (answer, cost) = measured(async |id| me(&bench, &[("cookie", &session), ("x-request-id", id)]).await).await;
        assert_eq!(answer.status, 200);
        // the account, the window, and what the month has charged: side by side
        assert_eq!((cost.calls, cost.sequential), (3, 1), "{cost:?}");
    })
    .await;
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let session = signed_up(&bench, "dana@example.com").await;
    let answer = me(&bench, &[("cookie", &session)]).await;
    snapshot!("auth-me", &answer);
}
