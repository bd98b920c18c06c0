//! `GET /api/webhooks`: the caller's webhooks (outsend 16.1).

use harness::{
    outsend::webhooks::{SECRET, webhook, world},
    receiver::Receiver,
    snapshot,
};
use serde_json::json;

#[tokio::test]
async fn oldest_first_without_secrets() {
    harness::binaries::linked(async {
        let world = world().await;
        assert_eq!(world.get("/api/webhooks").await.body, r#"{"webhooks":[]}"#);
        let receiver = Receiver::start().await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(webhook(&world, &receiver, &["job.failed"]).await);
            world.bench.advance(time::Duration::seconds(1));
        }
        let listed = world.get("/api/webhooks").await;
        let found: Vec<_> = listed.json()["webhooks"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
        assert_eq!(json!(found), json!(ids));
        assert!(!listed.body.contains(SECRET));
        let export = world.call("GET", "/api/auth/export", &[("cookie", &world.session)], "").await;
        assert_eq!(export.json()["webhooks"], listed.json()["webhooks"]);
        assert!(!export.body.contains(SECRET));
        let other = world.other("eve@example.com").await;
        assert_eq!(other.get("/api/webhooks").await.body, r#"{"webhooks":[]}"#);
        let cost = world.cost("/api/webhooks").await;
        assert!(cost.sequential <= 3, "{cost:?}");
    })
    .await;
}

#[tokio::test]
async fn succeeds() {
    let world = harness::outsend::jobs::World::start().await;
    let body = json!({"url": "https://hooks.example.com/o", "events": ["job.completed"], "secret": SECRET});
    assert_eq!(world.post("/api/webhooks", &body).await.status, 200);
    let answer = world.get("/api/webhooks").await;
    snapshot!("webhooks-list", &answer);
}
