//! Rate limits: tiers and policies (outsend 3).

use harness::{
    Bench,
    outsend::{confirmed, me, new_key, new_key_with, send, signed_up},
};
use serde_json::json;
use time::Duration;

#[tokio::test]
async fn tiers_are_counted_by_user_and_by_key_and_refusals_are_not() {
    let bench = Bench::start().await.unwrap();
    let session = confirmed(&bench, "dana@example.com").await;
    let caller = [("cookie", session.as_str())];
    let key = new_key(&bench, &session, &json!({"name": "k", "scopes": ["read"]})).await;
    let key = key.json()["key"].as_str().unwrap().to_owned();
    let by_key = [("x-api-key", key.as_str())];
    let now = bench.context.clock().now();
    bench.advance(Duration::seconds(60 - now.unix_timestamp().rem_euclid(60)));
    for _ in 0..3 {
        assert_eq!(new_key_with(&bench, &by_key).await.status, 403);
    }
    for left in (0..120).rev() {
        let answer = me(&bench, &by_key).await;
        assert_eq!((answer.status, answer.header("ratelimit").split(';').nth(1)), (200, Some(&*format!("r={left}"))));
    }
    let over = me(&bench, &by_key).await;
    assert_eq!(over.status, 429);
    assert_eq!(over.header("retry-after"), over.header("ratelimit").rsplit('=').next().unwrap());
    assert_eq!(me(&bench, &caller).await.status, 200, "the user's own window");
    bench.advance(Duration::seconds(60));
    assert_eq!(me(&bench, &by_key).await.status, 200);
}

#[tokio::test]
async fn each_policy_lets_its_number_pass_and_no_more() {
    let bench = Bench::start().await.unwrap();
    let session = signed_up(&bench, "dana@example.com").await;
    let caller = [("cookie", session.as_str())];
    let none: [(&str, &str); 0] = [];
    for (method, path, headers, limit, seconds, passed) in [
        ("POST", "/api/auth/signup", none.as_slice(), 3, 3_600, 422),
        ("POST", "/api/auth/password/reset-request", &none, 3, 3_600, 422),
        ("POST", "/api/auth/resend-verification", &caller, 3, 3_600, 200),
        ("POST", "/api/auth/password/change", &caller, 5, 3_600, 422),
        ("POST", "/api/auth/verify-email", &none, 10, 900, 422),
        ("POST", "/api/auth/password/reset", &none, 10, 900, 422),
        ("GET", "/api/auth/me", &none, 30, 60, 401),
    ] {
        // a window of their own, and time enough in it
        let now = bench.context.clock().now().unix_timestamp();
        bench.advance(Duration::seconds(seconds - now.rem_euclid(seconds)));
        for number in 0..limit + 2 {
            let answer = send(&bench, method, path, headers, "{}").await;
            let expected = if number < limit { passed } else { 429 };
            assert_eq!(answer.status, expected, "{path}, attempt {}: {}", number + 1, answer.body);
        }
        bench.advance(Duration::seconds(seconds));
        assert_eq!(send(&bench, method, path, headers, "{}").await.status, passed, "{path}, the next window");
    }
}
