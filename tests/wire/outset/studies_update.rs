//! `PATCH /v1/studies/{id}/`: changes a study (outset 10).

use std::collections::BTreeMap;

use futures_util::future::join_all;
use harness::{
    outset::{LIST, RETRIEVE, S01, S02, START, Served, UPDATE, World, error, study},
    snapshot,
};

#[tokio::test]
async fn one_study_read_and_changed() {
    let world = World::new().await;
    let before = world.get(RETRIEVE, S01).await;
    assert_eq!(before.status, 200);
    assert_eq!(world.get(RETRIEVE, "/v1/studies/0B5E7C1A4D2F4E8C9A6B000000000001/").await.body, before.body);
    assert_eq!(world.with(RETRIEVE, "HEAD", S01, &[], "").await.header("content-length"), "291");
    assert_eq!(world.get(RETRIEVE, "/v1/studies/abc/").await.body.len(), 85);
    let changed = world.patch(S01, r#"{"active":true,"completion_url":"https://yourapp.com/complete"}"#).await;
    assert_eq!((changed.status, changed.json()["status"].as_str()), (200, Some("open")));
    assert_ne!(changed.header("etag"), before.header("etag"));
    assert_eq!(world.get(RETRIEVE, S01).await.body, changed.body);
    assert_eq!(world.get(LIST, "/v1/studies/?active=true").await.json()["count"], 14);
    let both = world.patch(S01, r#"{"completion_url":"nope","active":"maybe"}"#).await;
    assert_eq!(both.json()["errors"].as_array().unwrap().len(), 2);
    assert_eq!(world.patch(S01, r#"{"id":"x","name":1,"zzz":[]}"#).await.header("etag"), changed.header("etag"));
    assert_eq!(world.patch(S01, "").await.body, changed.body);
    assert!(world.patch(S01, "{bad").await.body.contains("JSON parse error - "));
    assert_eq!(
        world.patch(&study(21), r#"{"active":true}"#).await.body,
        error("\"active\"", "invalid", "This study is not ready to launch: it has no tasks.")
    );
    assert_eq!(world.patch("/v1/studies/00000000-0000-4000-8000-000000000000/", "{bad").await.status, 404);
    let stale =
        world.with(UPDATE, "PATCH", S01, &[("content-type", "application/json"), ("if-match", "\"0\"")], "{}").await;
    assert_eq!((stale.status, stale.header("etag")), (412, changed.header("etag")));
    let cached = world.with(RETRIEVE, "GET", S01, &[("if-none-match", changed.header("etag"))], "").await;
    assert_eq!((cached.status, cached.body.as_str()), (304, ""));
}

#[tokio::test]
async fn an_idempotency_key_has_one_effect() {
    let world = World::new().await;
    let headers = [("content-type", "application/json"), ("idempotency-key", "k-1")];
    let first = world.with(UPDATE, "PATCH", S01, &headers, r#"{"active":true}"#).await;
    let again = world.with(UPDATE, "PATCH", S01, &headers, r#"{"active":true}"#).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, "true"));
    assert_eq!((again.body, again.headers.get("etag")), (first.body.clone(), first.headers.get("etag")));
    assert_eq!(world.with(UPDATE, "PATCH", S01, &headers, "{}").await.status, 422);
}

#[tokio::test]
async fn unsafe_requests_are_served_without_the_slash_and_closed_studies_stay_closed() {
    let world = World::new().await;
    let bare = S01.trim_end_matches('/');
    assert_eq!(world.patch(bare, r#"{"active":true}"#).await.json()["status"], "open");
    let paused = world.patch(bare, r#"{"active":false}"#).await;
    assert_eq!((paused.status, paused.header("location")), (200, ""));
    assert_eq!((&paused.json()["active"], &paused.json()["status"]), (&false.into(), &"paused".into()));
    let closed = world.patch(&study(23), r#"{"active":true}"#).await;
    assert_eq!(closed.body, error("\"active\"", "invalid", "A completed or closed study cannot be activated."));
    assert_eq!(world.patch(&study(23), r#"{"active":false}"#).await.json()["status"], "closed");
    // a pause remembers the state that it left
    let link = "/interviews/public-surveys/0b5e7c1a-4d2f-4e8c-9a6b-000000000004/start/";
    assert_eq!(world.open(START, "GET", link, &[]).await.status, 302);
    assert_eq!(world.patch(&study(4), r#"{"active":"off"}"#).await.json()["status"], "paused");
    assert_eq!(world.patch(&study(4), r#"{"active":"on"}"#).await.json()["status"], "in_progress");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_conditional_updates_one_wins() {
    let world = Served::new(&Served::unlimited()).await;
    let tag = world.send("GET", S02, &[], "").await.unwrap().header("etag").to_owned();
    let bodies: Vec<_> = (0..20).map(|number| format!(r#"{{"completion_url":"https://a.test/{number}"}}"#)).collect();
    let headers = [("If-Match", tag.as_str())];
    let answers = join_all(bodies.iter().map(|body| world.send("PATCH", S02, &headers, body))).await;
    assert_eq!(Served::statuses(answers), BTreeMap::from([(200, 1), (412, 19)]));
    world.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_updates_all_succeed_and_leave_whole_lists() {
    let world = Served::new(&Served::unlimited()).await;
    let requests: Vec<_> = (0..60)
        .map(|number| (format!("/v1/studies/0b5e7c1a-4d2f-4e8c-9a6b-0000000000{:02}/", number % 6), number % 4 < 2))
        .collect();
    let send = |(path, active): &(String, bool)| {
        let body = format!(r#"{{"active":{active}}}"#);
        let path = path.clone();
        let world = &world;
        async move { world.send("PATCH", &path, &[], &body).await }
    };
    let answers = join_all(requests.iter().map(send)).await;
    assert_eq!(Served::statuses(answers), BTreeMap::from([(200, 60)]));
    world.assert_lists_whole().await;
    world.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_requests_with_one_idempotency_key_have_one_effect() {
    let world = Served::new(&Served::unlimited()).await;
    let headers = [("Idempotency-Key", "once")];
    let body = r#"{"completion_url":"https://a.test/once"}"#;
    let answers = join_all((0..30).map(|_| world.send("PATCH", S02, &headers, body))).await;
    let mut firsts = 0;
    for answer in answers {
        let answer = answer.unwrap();
        match answer.status {
            200 => firsts += usize::from(answer.header("idempotency-replayed").is_empty()),
            status => assert_eq!(status, 409),
        }
    }
    assert_eq!(firsts, 1);
    world.server.shutdown().await;
}

#[tokio::test]
async fn succeeds() {
    let world = World::new().await;
    let body = r#"{"active":true,"completion_url":"https://yourapp.com/complete"}"#;
    let answer = world.patch(S01, body).await;
    snapshot!("studies-update", &answer);
}
