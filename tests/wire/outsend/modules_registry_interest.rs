//! `POST /api/modules-registry/{slug}/interest`: a vote for a module (outsend 13).

use harness::{
    outsend::{detail, jobs::World},
    snapshot,
};
use serde_json::{Value, json};

#[tokio::test]
async fn votes_of_one_user_are_one_thread() {
    let world = World::start().await;
    let vote = |slug: &'static str, body: Value| {
        let world = &world;
        async move { world.post(&format!("/api/modules-registry/{slug}/interest"), &body).await }
    };
    let first = vote("reviews", json!({})).await;
    assert_eq!((first.status, first.header("ratelimit-policy")), (200, "\"feedback\";q=20;w=3600"));
    let thread = first.json()["thread_id"].as_str().unwrap().to_owned();
    assert!(thread.starts_with("fb_") && thread.len() == 29);
    assert_eq!(first.json(), json!({"ok": true, "slug": "reviews", "thread_id": thread}));
    for message in ["please", "soon"] {
        assert_eq!(vote("reviews", json!({"message": message})).await.json()["thread_id"], thread);
    }
    let list = world.get("/api/feedback").await.json();
    assert_eq!((&list["total"], &list["items"][0]["subject"]), (&json!(1), &json!("reviews")));
    let known = world.get(&format!("/api/feedback/{thread}")).await.json();
    let texts: Vec<_> = known["messages"].as_array().unwrap().iter().map(|one| &one["message"]).collect();
    assert_eq!(texts, ["please", "soon"]);
    // votes at once are one thread, too
    let both = futures_util::future::join(
        vote("pagespeed", json!({"message": "one"})),
        vote("pagespeed", json!({"message": "two"})),
    );
    let (one, two) = both.await;
    assert_eq!(one.json()["thread_id"], two.json()["thread_id"]);
    let list = world.get("/api/feedback").await.json();
    assert_eq!((&list["total"], &list["items"][0]["message_count"]), (&json!(2), &json!(2)));
    assert_eq!(detail(&vote("verify_emails", json!({})).await), "Module is already available.");
    assert_eq!(detail(&vote("nonsense", json!({})).await), "Module not found.");
    assert_eq!(vote("reviews", json!({"message": "x".repeat(5_001)})).await.status, 422);
    assert_eq!(world.call("POST", "/api/modules-registry/reviews/interest", &[], "").await.status, 401);
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let answer = world.post("/api/modules-registry/reviews/interest", &json!({"message": "please"})).await;
    snapshot!("modules-registry-interest", &answer);
}
