//! `GET /api/feedback`: the caller's threads (outsend 17).

use harness::{log, outsend::jobs::World, snapshot};
use serde_json::{Value, json};
use shared::model::{Author, Message, Thread, ThreadKind};
use time::Duration;

/// The subjects of a page.
async fn subjects(world: &World, query: &str) -> Vec<String> {
    let answer = world.get(&format!("/api/feedback?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let page = answer.json();
    page["items"].as_array().unwrap().iter().map(|thread| thread["subject"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_changed_last_comes_first() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        world.bench.advance(Duration::seconds(2));
        let body = json!({"subject": format!("{number}"), "message": "x"});
        ids.push(world.post("/api/feedback", &body).await.json()["id"].as_str().unwrap().to_owned());
    }
    world.bench.advance(Duration::seconds(2));
    assert_eq!(world.post("/api/modules-registry/reviews/interest", &json!({})).await.status, 200);
    assert_eq!(subjects(&world, "").await, ["reviews", "4", "3", "2", "1", "0"]);
    world.bench.advance(Duration::seconds(2));
    let message = json!({"message": "and"});
    assert_eq!(world.post(&format!("/api/feedback/{}/messages", ids[1]), &message).await.status, 200);
    assert_eq!(subjects(&world, "limit=3").await, ["1", "reviews", "4"]);
    // a vote with a message moves its thread, too; one without says nothing new
    world.bench.advance(Duration::seconds(2));
    let vote = async |body: Value| world.post("/api/modules-registry/reviews/interest", &body).await.json();
    let thread = vote(json!({"message": "soon"})).await["thread_id"].clone();
    assert_eq!(vote(json!({})).await["thread_id"], thread);
    assert_eq!(subjects(&world, "limit=3&offset=0").await, ["reviews", "1", "4"]);
    assert_eq!(subjects(&world, "limit=3&offset=3").await, ["3", "2", "0"]);
    let page = world.get("/api/feedback?limit=1").await.json();
    assert_eq!(
        (&page["total"], &page["limit"], &page["offset"], &page["items"][0]["kind"], &page["items"][0]["module_slug"]),
        (&json!(6), &json!(1), &json!(0), &json!("interest"), &json!("reviews"))
    );
    let beyond = world.get("/api/feedback?offset=6").await.json();
    assert_eq!((&beyond["total"], &beyond["limit"], &beyond["items"]), (&json!(6), &json!(50), &json!([])));
    for (query, field) in [("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("offset=-1", "offset")]
    {
        let answer = world.get(&format!("/api/feedback?{query}")).await;
        assert_eq!((answer.status, answer.json()["errors"][0]["field"].as_str()), (422, Some(field)), "{query}");
    }
    let other = world.other("otto@example.com").await;
    assert_eq!(other.get("/api/feedback").await.json()["total"], 0);
}

#[tokio::test]
async fn deep_pages_cost_what_the_first_one_costs() {
    log();
    let world = World::start().await;
    let store = world.bench.context.store();
    let now = world.bench.context.clock().now();
    for number in 0..600 {
        let at = now + Duration::seconds(number);
        let message = Message::new(Author::User, "x".to_owned(), at).unwrap();
        let thread = Thread::new(world.account.user.id, ThreadKind::Other, number.to_string(), at).unwrap();
        assert!(store.open_thread(&thread.with(&message).unwrap(), &message, None).await.unwrap());
    }
    world.cost("/api/feedback").await;
    let first = world.cost("/api/feedback").await;
    assert!(first.sequential <= 4, "head, a level of nodes, the threads, and who calls: {first:?}");
    for offset in [50, 300, 550] {
        let deep = world.cost(&format!("/api/feedback?offset={offset}")).await;
        assert!(
            deep.sequential <= first.sequential + 1 && deep.items_read <= first.items_read + 3,
            "{offset}: {deep:?}; at first {first:?}"
        );
    }
    assert_eq!(subjects(&world, "limit=2&offset=598").await, ["1", "0"]);
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    world.post("/api/modules-registry/reviews/interest", &json!({"message": "please"})).await;
    world.bench.advance(Duration::seconds(1));
    world.post("/api/feedback", &json!({"subject": "Export", "message": "Add ODS", "kind": "idea"})).await;
    let answer = world.get("/api/feedback?limit=2").await;
    snapshot!("feedback-list", &answer);
}
