//! `POST /api/auth/login`: opens a session (outsend 6.2).

use harness::{
    Bench, http, log,
    outsend::{PASSWORD, detail, post, signed_up},
    serving, snapshot,
};
use local::server::Server;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_parallel_log_ins_five_are_tried() {
    let server = Server::start(serving(&[]), log().clone()).await.unwrap();
    let advance = async |seconds: i64| {
        let body = json!({"advance_seconds": seconds}).to_string();
        let told = http::control(&server.control, "POST", "/_local/clock", &body).await.unwrap();
        assert_eq!(told.status, 200);
    };
    let log_in = async |email: &str| {
        let body = json!({"email": email, "password": "wrong 1"}).to_string();
        let headers = [("Content-Type", "application/json")];
        http::send(&server.outsend, "POST", "/api/auth/login", &headers, body.as_bytes()).await.unwrap()
    };
    // all in one window
    advance(900 - server.context.clock().now().unix_timestamp().rem_euclid(900)).await;
    let answers = futures_util::future::join_all((0..1_000).map(|_| log_in("dana@example.com"))).await;
    let tried = answers.iter().filter(|answer| answer.status == 401).count();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert_eq!((tried, refused.len()), (5, 995));
    for answer in refused {
        let wait: u32 = answer.header("retry-after").parse().unwrap();
        assert!((1..=900).contains(&wait));
        assert_eq!(detail(answer), format!("Too many requests. Try again in {wait} s."));
    }
    assert_eq!(log_in("other@example.com").await.status, 401, "each address has its own window");
    advance(900).await;
    assert_eq!(log_in(" Dana@example.com").await.status, 401, "the next window");
    server.shutdown().await;
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    signed_up(&bench, "dana@example.com").await;
    let body = json!({"email": "dana@example.com", "password": PASSWORD});
    let answer = post(&bench, "/api/auth/login", &[], &body).await;
    snapshot!("auth-login", &answer);
}
