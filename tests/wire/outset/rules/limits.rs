//! Rate limits: by key, by address, and what does not count (outset 12).

use std::collections::BTreeMap;

use futures_util::future::join_all;
use harness::{
    Bench, http,
    outset::{LIST, RETRIEVE, S01, S02, SCHEMA, Served, UPDATE, World},
};

#[tokio::test]
async fn the_121st_request_waits() {
    let world = World::new().await;
    for left in (0..120).rev() {
        let answer = world.get(RETRIEVE, S01).await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("ratelimit").starts_with(&format!("\"free\";r={left};")));
    }
    let refused = world.get(RETRIEVE, S01).await;
    assert_eq!(refused.status, 429);
    assert!(!refused.header("retry-after").is_empty());
    world.bench.advance(time::Duration::seconds(61));
    assert_eq!(world.get(RETRIEVE, S01).await.status, 200);
}

#[tokio::test]
async fn the_anonymous_bucket_turns_401_into_429() {
    let bench = Bench::start().await.unwrap();
    for _ in 0..30 {
        assert_eq!(bench.send(LIST, "GET", "/v1/studies/", &[], b"").await.unwrap().status, 401);
    }
    let waits = bench.send(LIST, "GET", "/v1/studies/", &[], b"").await.unwrap();
    assert_eq!((waits.status, waits.header("www-authenticate")), (429, ""));
    assert!(waits.header("ratelimit-policy").starts_with("\"anonymous\";q=30"));
    assert_eq!(bench.send(SCHEMA, "GET", "/v1/schema/", &[], b"").await.unwrap().status, 429);
    // steps 1 and 2 touch no bucket
    assert_eq!(bench.send(LIST, "GET", "/v1/studies", &[], b"").await.unwrap().status, 301);
    assert_eq!(bench.send(LIST, "GET", "/v1/studies/", &[("accept", "text/html")], b"").await.unwrap().status, 406);
}

#[tokio::test]
async fn a_refusal_for_scope_does_not_count() {
    let bench = Bench::start().await.unwrap();
    let fixture = bench.fixture().await.unwrap();
    let reader = format!("Api-Key {}", fixture.reader);
    let headers = [("authorization", reader.as_str())];
    for left in [119, 118] {
        assert_eq!(bench.send(UPDATE, "PATCH", S01, &headers, b"{}").await.unwrap().status, 403);
        let read = bench.send(RETRIEVE, "GET", S01, &headers, b"").await.unwrap();
        assert!(read.header("ratelimit").contains(&format!(";r={left};")), "{}", read.header("ratelimit"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_parallel_requests_on_one_key_exactly_the_limit_passes() {
    let world = Served::new(&[]).await;
    http::new_minute(&world.server).await.unwrap();
    let answers = join_all((0..1_000).map(|_| world.send("GET", S02, &[], ""))).await;
    assert_eq!(Served::statuses(answers), BTreeMap::from([(200, 120), (429, 880)]));
    world.server.shutdown().await;
}
