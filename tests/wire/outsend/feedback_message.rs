//! `POST /api/feedback/{id}/messages`: adds to a thread (outsend 17).

use harness::{
    outsend::{detail, jobs::World},
    snapshot,
};
use serde_json::{Value, json};
use shared::{
    model::{Author, Message, Silenced, Thread, ThreadId, ThreadStatus},
    store::Said,
};
use time::Duration;

/// A thread's id and the path of its messages.
async fn opened(world: &World) -> (ThreadId, String) {
    let thread = world.post("/api/feedback", &json!({"subject": "Export", "message": "Add ODS"})).await.json();
    let id = thread["id"].as_str().unwrap();
    (ThreadId::parse(id).unwrap(), format!("/api/feedback/{id}/messages"))
}

/// The staff's answer.
async fn answered(world: &World, id: ThreadId) -> Said {
    let store = world.bench.context.store();
    let message = Message::new(Author::Staff, "soon".to_owned(), world.bench.context.clock().now()).unwrap();
    store.say(store.conversation(id).await.unwrap().unwrap(), &message).await.unwrap()
}

#[tokio::test]
async fn a_message_opens_the_thread_again() {
    let world = World::start().await;
    let store = world.bench.context.store();
    let (id, path) = opened(&world).await;
    world.bench.advance(Duration::seconds(2));
    assert!(matches!(answered(&world, id).await, Said::Said(_)));
    let list = world.get("/api/feedback").await.json();
    assert_eq!((&list["items"][0]["status"], &list["items"][0]["message_count"]), (&json!("answered"), &json!(2)));
    world.bench.advance(Duration::seconds(2));
    let answer = world.post(&path, &json!({"message": " thanks "})).await;
    assert_eq!((answer.status, answer.header("ratelimit-policy")), (200, "\"contact\";q=10;w=3600"));
    let thread = answer.json();
    assert_eq!((&thread["status"], &thread["message_count"]), (&json!("open"), &json!(3)));
    let texts: Vec<_> = thread["messages"].as_array().unwrap().iter().map(|one| &one["message"]).collect();
    assert_eq!(texts, ["Add ODS", "soon", "thanks"]);
    assert_eq!(thread["updated_at"], thread["messages"][2]["created_at"]);
    assert_eq!(world.get(&format!("/api/feedback/{id}")).await.json(), thread);
    let closed = store.close_thread(id, world.bench.context.clock().now()).await.unwrap().unwrap();
    assert_eq!(closed.status, ThreadStatus::Closed);
    assert!(store.waiting_threads().await.unwrap().is_empty());
    assert!(matches!(answered(&world, id).await, Said::Silenced(Silenced::Closed)));
    assert_eq!(world.post(&path, &json!({"message": "still"})).await.json()["status"], "open");
    assert_eq!(store.waiting_threads().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_it_refuses() {
    let world = World::start().await;
    let (_, path) = opened(&world).await;
    for message in [Value::Null, json!(" "), json!("x".repeat(5_001)), json!(1)] {
        assert_eq!(world.post(&path, &json!({"message": message})).await.status, 422);
    }
    let other = world.other("otto@example.com").await;
    for answer in [
        other.post(&path, &json!({"message": "x"})).await,
        other.post(&path, &json!({"message": 1})).await,
        world.post("/api/feedback/fb_01KSMHEQW0F1E2D3B4A5C6G7H8/messages", &json!({})).await,
    ] {
        assert_eq!((answer.status, detail(&answer).as_str()), (404, "Thread not found."));
    }
    assert_eq!(world.call("POST", &path, &[("x-api-key", &world.key)], "[").await.status, 400);
    for _ in 0..4 {
        world.post(&path, &json!({})).await;
    }
    assert_eq!(world.post(&path, &json!({"message": "x"})).await.status, 429, "attempts count");
}

#[tokio::test]
async fn messages_at_once_are_all_there_and_the_last_one_that_fits_is_the_last() {
    let world = World::start().await;
    let store = world.bench.context.store();
    let (id, path) = opened(&world).await;
    let body = json!({"message": "x"});
    let answers = futures_util::future::join_all((0..8).map(|_| world.post(&path, &body))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let known = store.conversation(id).await.unwrap().unwrap();
    assert_eq!((known.thread.messages, known.messages.len()), (9, 9));
    assert_eq!(world.get("/api/feedback").await.json()["total"], 1);
    for _ in 9..Thread::MAX_MESSAGES {
        assert!(matches!(answered(&world, id).await, Said::Said(_)));
    }
    let full = world.post(&path, &body).await;
    assert_eq!((full.status, detail(&full).as_str()), (400, "Limit reached: 100 messages."));
    assert!(matches!(answered(&world, id).await, Said::Said(_)), "the staff has the last word");
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let (_, path) = opened(&world).await;
    world.bench.advance(Duration::seconds(1));
    let answer = world.post(&path, &json!({"message": "And XML"})).await;
    snapshot!("feedback-message", &answer);
}
