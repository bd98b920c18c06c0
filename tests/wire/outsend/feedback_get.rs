//! `GET /api/feedback/{id}`: one thread (outsend 17).

use harness::{
    outsend::{detail, jobs::World},
    snapshot,
};
use serde_json::json;
use shared::{
    model::{Author, Message, ThreadId},
    store::Said,
};
use time::Duration;

#[tokio::test]
async fn it_shows_what_both_sides_wrote_and_only_to_its_user() {
    let world = World::start().await;
    let opened = world.post("/api/feedback", &json!({"subject": "Export", "message": "Add ODS"})).await.json();
    let path = format!("/api/feedback/{}", opened["id"].as_str().unwrap());
    let answer = world.get(&path).await;
    assert_eq!((answer.status, answer.json()), (200, opened.clone()));
    assert_eq!(world.get(&path.to_lowercase()).await.json(), opened, "any case");
    let other = world.other("otto@example.com").await;
    for answer in [
        other.get(&path).await,
        world.get("/api/feedback/x").await,
        world.get("/api/feedback/fb_01KSMHEQW0F1E2D3B4A5C6G7H8").await,
    ] {
        assert_eq!((answer.status, detail(&answer).as_str()), (404, "Thread not found."));
    }
    assert_eq!(world.call("GET", &path, &[], "").await.status, 401);
    // a process that knows the caller asks for both at once
    world.cost(&path).await;
    assert_eq!(world.cost(&path).await.sequential, 1);
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let store = world.bench.context.store();
    let voted = world.post("/api/modules-registry/reviews/interest", &json!({"message": "please"})).await.json();
    let id = ThreadId::parse(voted["thread_id"].as_str().unwrap()).unwrap();
    world.bench.advance(Duration::seconds(1));
    let answer = Message::new(Author::Staff, "in May".to_owned(), world.bench.context.clock().now()).unwrap();
    let known = store.conversation(id).await.unwrap().unwrap();
    assert!(matches!(store.say(known, &answer).await.unwrap(), Said::Said(_)));
    assert!(store.waiting_threads().await.unwrap().is_empty());
    let answer = world.get(&format!("/api/feedback/{id}")).await;
    snapshot!("feedback-get", &answer);
}
