//! `DELETE /api/webhooks/{id}`: removes a webhook (outsend 16.1).

use harness::{
    outsend::{
        detail,
        webhooks::{webhook, world},
    },
    receiver::Receiver,
    snapshot,
};

#[tokio::test]
async fn succeeds() {
    let world = world().await;
    let receiver = Receiver::start().await.unwrap();
    let id = webhook(&world, &receiver, &["job.completed"]).await;
    let other = webhook(&world, &receiver, &["job.failed"]).await;
    let stranger = world.other("eve@example.com").await;
    for (who, id) in [(&stranger, id.as_str()), (&world, "nope"), (&world, "wh_01KSPP40C0H1K2M3N4P5Q6R7S8")] {
        let answer = who.delete(&format!("/api/webhooks/{id}")).await;
        assert_eq!((answer.status, detail(&answer).as_str()), (404, "Webhook not found."));
    }
    let answer = world.delete(&format!("/api/webhooks/{}", id.to_lowercase())).await;
    snapshot!("webhooks-delete", &answer);
    for path in ["", "/deliveries"] {
        let method = if path.is_empty() { "DELETE" } else { "GET" };
        let path = format!("/api/webhooks/{id}{path}");
        assert_eq!(world.call(method, &path, &[("x-api-key", &world.key)], "").await.status, 404);
    }
    let listed = world.get("/api/webhooks").await.json();
    assert_eq!((listed["webhooks"].as_array().unwrap().len(), &listed["webhooks"][0]["id"]), (1, &other.into()));
    assert!(world.bench.left(&[&id]).await.unwrap().iter().all(|item| !item.contains("HOOKSECRET")));
}
