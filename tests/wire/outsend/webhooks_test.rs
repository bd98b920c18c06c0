//! `POST /api/webhooks/{id}/test`: sends a ping to a webhook (outsend 16.1).

use harness::{
    outsend::{
        detail,
        webhooks::{SECRET, deliveries, webhook, world},
    },
    receiver::Receiver,
    snapshot,
};
use serde_json::{Value, json};
use shared::outsend::webhooks::signed_headers;
use time::OffsetDateTime;

#[tokio::test]
async fn succeeds() {
    let world = world().await;
    let receiver = Receiver::start().await.unwrap();
    let id = webhook(&world, &receiver, &["job.completed"]).await;
    let answer = world.post(&format!("/api/webhooks/{id}/test"), &json!({})).await;
    snapshot!("webhooks-test", &answer);
    let received = receiver.received().remove(0);
    assert_eq!(received.line, "POST /in?x=1 HTTP/1.1");
    assert_eq!(received.header("user-agent"), "outscout-webhooks/1");
    let body: Value = serde_json::from_str(&received.body).unwrap();
    assert_eq!((&body["event"], &body["data"]), (&json!("ping"), &json!({"webhook_id": id})));
    assert_eq!(received.header("webhook-id"), body["id"]);
    assert_eq!(answer.json()["delivery"]["event_id"], body["id"]);
    let at = OffsetDateTime::from_unix_timestamp(received.header("webhook-timestamp").parse().unwrap()).unwrap();
    for (name, value) in signed_headers(SECRET, (received.header("webhook-id"), "ping"), at, &received.body) {
        assert_eq!(received.header(name), value, "{name}");
    }
    let listed = world.get("/api/webhooks").await.json()["webhooks"][0].clone();
    assert_eq!((&listed["last_status_code"], listed["last_delivery_at"].is_string()), (&json!(204), true));
    let feed = world.get("/api/events").await.json();
    assert_eq!(feed["events"], json!([]), "a ping is no event of the feed");
}

#[tokio::test]
async fn a_failure_is_told_and_logged_and_not_tried_again() {
    let world = world().await;
    let receiver = Receiver::start().await.unwrap();
    let id = webhook(&world, &receiver, &["job.completed"]).await;
    let path = format!("/api/webhooks/{id}/test");
    receiver.answers(302, "Location: /other\r\n");
    let answer = world.call("POST", &path, &[("x-api-key", &world.key)], "").await.json();
    let delivery = &answer["delivery"];
    assert_eq!(
        (&answer["ok"], &delivery["status"], &delivery["attempts"]),
        (&json!(false), &json!("failed"), &json!(1))
    );
    assert_eq!(delivery["last_error"], "The server answered with status 302.");
    assert_eq!((&delivery["next_attempt_at"], &delivery["delivered_at"]), (&Value::Null, &Value::Null));
    world.settle().await;
    assert_eq!(receiver.received().len(), 1, "no redirect is followed, and nothing is tried again");
    assert_eq!(deliveries(&world, &id).await, std::slice::from_ref(delivery));
    let stranger = world.other("eve@example.com").await;
    let foreign = stranger.post(&path, &json!({})).await;
    assert_eq!((foreign.status, detail(&foreign).as_str()), (404, "Webhook not found."));
}
