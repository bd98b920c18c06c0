//! `POST /api/auth/sign-in`: address and password for tokens (openscouter 7).

use harness::{
    Bench,
    openscouter::{PASSWORD, error, person, post},
    snapshot,
};
use serde_json::json;
use shared::model::Role;
use time::Duration;

#[tokio::test]
async fn ten_failures_for_an_address_are_enough() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let wrong = json!({"email": "dana@example.com", "password": "wrong"});
    let calls = (0..25).map(|_| post(&bench, "/api/auth/sign-in", &[], &wrong));
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 10, "exactly ten are tried");
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(refused.iter().all(|answer| error(answer) == "Too many attempts"));
    assert!(refused.iter().all(|answer| answer.header("retry-after").parse::<u32>().unwrap() <= 900));
    let right = json!({"email": "Dana@example.com", "password": PASSWORD});
    assert_eq!(post(&bench, "/api/auth/sign-in", &[], &right).await.status, 429, "the right one is not tried either");
    bench.advance(Duration::minutes(16));
    for _ in 0..12 {
        assert_eq!(post(&bench, "/api/auth/sign-in", &[], &right).await.status, 200, "successes do not count");
    }
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let answer =
        post(&bench, "/api/auth/sign-in", &[], &json!({"email": "dana@example.com", "password": PASSWORD})).await;
    snapshot!("auth-sign-in", &answer);
}
