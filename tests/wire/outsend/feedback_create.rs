//! `POST /api/feedback`: opens a thread (outsend 17).

use harness::{
    outsend::{detail, jobs::World},
    snapshot,
};
use serde_json::{Value, json};
use time::Duration;

#[tokio::test]
async fn what_it_takes_and_what_it_refuses() {
    let world = World::start().await;
    let open = async |body: Value| world.post("/api/feedback", &body).await;
    let answer = open(json!({"subject": "  Export ", "message": "\nAdd ODS "})).await;
    assert_eq!((answer.status, answer.header("ratelimit-policy")), (200, "\"feedback\";q=20;w=3600"));
    let thread = answer.json();
    assert_eq!((&thread["kind"], &thread["status"]), (&json!("other"), &json!("open")));
    assert_eq!((&thread["subject"], &thread["messages"][0]["message"]), (&json!("Export"), &json!("Add ODS")));
    assert_eq!((&thread["message_count"], &thread["messages"][0]["author"]), (&json!(1), &json!("user")));
    assert!(thread["id"].as_str().unwrap().starts_with("fb_"));
    for (body, fields) in [
        (json!({}), vec!["subject", "message"]),
        (json!({"subject": " ", "message": "x"}), vec!["subject"]),
        (json!({"subject": "x".repeat(201), "message": "x".repeat(5_001)}), vec!["subject", "message"]),
        (json!({"kind": "interest", "subject": "x", "message": "x"}), vec!["kind"]),
        (json!({"kind": 1, "message": 2, "subject": 3}), vec!["kind", "message", "subject"]),
    ] {
        let refused = open(body).await;
        let errors = refused.json()["errors"].clone();
        let named: Vec<_> = errors.as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
        assert_eq!((refused.status, named), (422, fields));
    }
    let longest = json!({"subject": "é".repeat(200), "message": "é".repeat(5_000), "kind": "question"});
    assert_eq!(open(longest).await.status, 200);
    assert_eq!(world.get("/api/feedback").await.json()["total"], 2, "what was refused opened nothing");
    assert_eq!(world.call("POST", "/api/feedback", &[], "{}").await.status, 401);
    let headers = [("x-api-key", world.key.as_str())];
    assert_eq!(world.call("POST", "/api/feedback", &headers, "").await.status, 400);
}

#[tokio::test]
async fn twenty_an_hour_with_the_votes() {
    let world = World::start().await;
    assert_eq!(world.post("/api/modules-registry/reviews/interest", &json!({})).await.status, 200);
    for _ in 0..19 {
        let body = json!({"subject": "x", "message": "x"});
        assert_eq!(world.post("/api/feedback", &body).await.status, 200);
    }
    let refused = world.post("/api/feedback", &json!({})).await;
    assert_eq!((refused.status, detail(&refused).starts_with("Too many requests.")), (429, true));
    world.bench.advance(Duration::HOUR);
    assert_eq!(world.post("/api/feedback", &json!({})).await.status, 422);
}

#[tokio::test]
async fn threads_that_are_opened_at_once_are_all_there() {
    let world = World::start().await;
    let body = json!({"subject": "x", "message": "x"});
    let answers = futures_util::future::join_all((0..10).map(|_| world.post("/api/feedback", &body))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let list = world.get("/api/feedback").await.json();
    assert_eq!((list["total"].as_u64(), list["items"].as_array().unwrap().len()), (Some(10), 10));
    assert_eq!(world.bench.context.store().waiting_threads().await.unwrap().len(), 10);
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let body = json!({"subject": "Export", "message": "Add ODS", "kind": "idea"});
    let answer = world.post("/api/feedback", &body).await;
    snapshot!("feedback-create", &answer);
}

#[tokio::test]
async fn half_a_surrogate_pair_is_its_field_s_fault_and_elsewhere_nobody_s() {
    let world = World::start().await;
    let send = async |body: &str| world.call("POST", "/api/feedback", &[("x-api-key", &world.key)], body).await;
    let read = send(r#"{"subject":"a","message":"b\udc00"}"#).await;
    assert_eq!(read.json()["errors"], json!([{"field": "message", "message": "Invalid format."}]));
    let unread = send(r#"{"subject":"a","message":"b","nobody":{"x":"\ud83d"},"huge":-1e999}"#).await;
    assert_eq!(unread.status, 200, "{}", unread.body);
}
