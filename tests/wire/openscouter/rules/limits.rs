//! Rate limits: windows and plans (openscouter 2.6).

use harness::{
    Bench,
    openscouter::{bearer, data, error, get, person, post, send, told},
};
use serde_json::json;
use shared::model::Role;
use time::Duration;

#[tokio::test]
async fn a_window_starts_at_the_first_request_and_refusals_do_not_count() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let access = bearer(&bench, "dana@example.com").await;
    let calls = (0..150).map(|_| get(&bench, "/api/auth/me", &access));
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 120);
    let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(error(refused), "Rate limit exceeded");
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait));
    assert!(refused.header("ratelimit").starts_with("\"free\";r=0;t="));
    bench.advance(Duration::seconds(wait));
    let next = get(&bench, "/api/auth/me", &access).await;
    assert_eq!(next.status, 200);
    assert_eq!(next.header("ratelimit"), "\"free\";r=119;t=60", "the next window begins with it");

    // anonymous requests and failed credentials share the address's window
    bench.advance(Duration::seconds(61));
    for turn in 0..30 {
        let answer = if turn % 2 == 0 {
            get(&bench, "/api/auth/me", "Bearer x").await
        } else {
            post(&bench, "/api/auth/refresh", &[], &json!({"refreshToken": "x"})).await
        };
        assert_eq!(answer.status, 401, "{turn}");
    }
    let exhausted = get(&bench, "/api/auth/me", "Bearer x").await;
    assert_eq!(told(&exhausted), (429, "Rate limit exceeded".to_owned()), "not 401");
    assert_eq!(exhausted.header("ratelimit-policy"), "\"unauthenticated\";q=30;w=60");
    assert_eq!(get(&bench, "/api/auth/me", &access).await.status, 200, "who is known has a window of their own");
    assert_eq!(send(&bench, "OPTIONS", "/api/auth/me", &[], "").await.status, 200, "preflights are not limited");
}

#[tokio::test]
async fn a_plan_holds_from_the_next_request() {
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Business, "dana@example.com").await;
    person(&bench, Role::Admin, "ann@example.com").await;
    let (access, admin) = (bearer(&bench, "dana@example.com").await, bearer(&bench, "ann@example.com").await);
    assert_eq!(get(&bench, "/api/auth/me", &admin).await.header("ratelimit-policy"), "\"pro\";q=600;w=60");
    let path = format!("/api/admin/organizations/{}", user.organization.wire());
    for (plan, policy) in [("pro", "\"pro\";q=600;w=60"), ("free", "\"free\";q=120;w=60")] {
        let headers = [("authorization", admin.as_str()), ("content-type", "application/json")];
        let changed = send(&bench, "PATCH", &path, &headers, &json!({"plan": plan}).to_string()).await;
        assert_eq!(data(&changed)["plan"], plan);
        assert_eq!(get(&bench, "/api/auth/me", &access).await.header("ratelimit-policy"), policy);
    }
}
