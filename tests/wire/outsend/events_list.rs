//! `GET /api/events`: the feed (outsend 16.1).

use harness::{outsend::jobs::World, snapshot};
use serde_json::{Value, json};

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    world.verification(&["a@one.test"]).await;
    world.settle().await;
    let answer = world.get("/api/events?limit=10").await;
    snapshot!("events-list", &answer);
}

#[tokio::test]
async fn a_cursor_leads_through_the_feed() {
    harness::binaries::linked(async {
        let world = World::start().await;
        let empty = world.get("/api/events").await;
        assert_eq!(empty.body, r#"{"events":[],"next":null,"has_more":false}"#);
        let mut jobs = Vec::new();
        for number in 0..7 {
            let id = world.verification(&["a@one.test"]).await;
            if number % 3 == 0 {
                world.post(&format!("/api/jobs/{id}/cancel"), &json!({})).await;
            }
            world.settle().await;
            jobs.push(world.get(&format!("/api/jobs/{id}")).await.json());
        }
        let all = world.get("/api/events").await.json();
        let data: Vec<_> = all["events"].as_array().unwrap().iter().map(|event| event["data"].clone()).collect();
        assert_eq!(json!(data), json!(jobs), "each job as it ended, in the order of their ends");
        for event in all["events"].as_array().unwrap() {
            assert_eq!(event["created_at"], event["data"]["completed_at"]);
            assert_eq!(event.as_object().unwrap().keys().collect::<Vec<_>>(), ["id", "event", "created_at", "data"]);
        }
        let (mut walked, mut after): (Vec<Value>, Option<String>) = (Vec::new(), None);
        loop {
            let query = after.map(|after| format!("&after={}", after.to_lowercase())).unwrap_or_default();
            let page = world.get(&format!("/api/events?limit=3{query}")).await.json();
            walked.extend(page["events"].as_array().unwrap().clone());
            after = page["next"].as_str().map(str::to_owned);
            if page["has_more"] == json!(false) {
                break;
            }
        }
        assert_eq!(json!(walked), all["events"]);
        let end = world.get(&format!("/api/events?after={}&limit=100", after.clone().unwrap())).await.json();
        assert_eq!(end, json!({"events": [], "next": after, "has_more": false}));
        let some = world.get("/api/events?event=job.cancelled&event=job.failed&limit=2").await.json();
        let names: Vec<_> = some["events"].as_array().unwrap().iter().map(|event| event["event"].clone()).collect();
        assert_eq!((json!(names), &some["has_more"]), (json!(["job.cancelled", "job.cancelled"]), &json!(true)));
        for (query, field) in
            [("after=x", "after"), ("after=", "after"), ("limit=501", "limit"), ("event=ping", "event")]
        {
            let answer = world.get(&format!("/api/events?{query}")).await;
            assert_eq!((answer.status, &answer.json()["errors"][0]["field"]), (422, &json!(field)), "{query}");
        }
        let other = world.other("eve@example.com").await;
        assert_eq!(other.get("/api/events").await.json()["events"], json!([]));
        let export = world.call("GET", "/api/auth/export", &[("cookie", &world.session)], "").await.json();
        assert_eq!(export["events"], all["events"]);
        let cost = world.cost("/api/events?limit=3").await;
        assert!(cost.sequential <= 3, "{cost:?}");
    })
    .await;
}
