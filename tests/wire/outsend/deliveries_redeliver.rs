//! `POST /api/webhooks/{webhook}/deliveries/{delivery}/redeliver`: sends the event of a delivery once more (outsend 16.1).

use std::collections::HashSet;

use harness::{
    Answer,
    faults::Fault,
    outsend::{
        detail,
        jobs::World,
        webhooks::{all_attempts, deliveries, failure, webhook, world},
    },
    receiver::Receiver,
    snapshot,
};
use serde_json::{Value, json};
use time::Duration;

/// Asks for a delivery once more.
async fn again(world: &World, webhook: &str, delivery: &str) -> Answer {
    world.post(&format!("/api/webhooks/{webhook}/deliveries/{delivery}/redeliver"), &json!({})).await
}

fn id(delivery: &Value) -> &str {
    delivery["id"].as_str().unwrap()
}

/// A webhook, one event of which was sent to it.
async fn delivered(receiver: &Receiver) -> (World, String, Value) {
    let world = world().await;
    let webhook = webhook(&world, receiver, &["job.failed"]).await;
    failure(&world).await;
    world.settle().await;
    let delivery = deliveries(&world, &webhook).await.remove(0);
    (world, webhook, delivery)
}

#[tokio::test]
async fn succeeds() {
    let receiver = Receiver::start().await.unwrap();
    let (world, webhook, first) = delivered(&receiver).await;
    let path = format!("/api/webhooks/{webhook}/deliveries/{}/redeliver", id(&first));
    let answer = world.call("POST", &path, &[("x-api-key", &world.key)], "").await;
    snapshot!("deliveries-redeliver", &answer);
    let new = answer.json()["delivery"].clone();
    assert_ne!(new["id"], first["id"]);
    assert_eq!(new["event_id"], first["event_id"]);
    world.settle().await;
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    assert_eq!(
        (&received[0].body, received[0].header("webhook-id")),
        (&received[1].body, first["event_id"].as_str().unwrap())
    );
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
    let log = deliveries(&world, &webhook).await;
    assert_eq!((log.len(), &log[0]["id"], &log[0]["status"]), (2, &new["id"], &json!("delivered")));
    assert_eq!(log[1], first, "the earlier one stays as it is");
    // each call is one more, of either of them; ids are read in any case
    for delivery in [id(&first).to_lowercase(), id(&new).to_owned()] {
        assert_eq!(again(&world, &webhook, &delivery).await.status, 200);
    }
    world.settle().await;
    assert_eq!((receiver.received().len(), deliveries(&world, &webhook).await.len()), (4, 4));
    assert_eq!(world.get("/api/events").await.json()["events"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_failed_has_nine_attempts_of_its_own() {
    let receiver = Receiver::start().await.unwrap();
    receiver.answers(500, "");
    let world = world().await;
    let webhook = webhook(&world, &receiver, &["job.failed"]).await;
    failure(&world).await;
    all_attempts(&world).await;
    let first = deliveries(&world, &webhook).await.remove(0);
    assert_eq!((&first["status"], receiver.received().len()), (&json!("failed"), 9));
    let answer = again(&world, &webhook, id(&first)).await.json();
    assert_eq!((&answer["delivery"]["status"], &answer["delivery"]["attempts"]), (&json!("pending"), &json!(0)));
    all_attempts(&world).await;
    let log = deliveries(&world, &webhook).await;
    assert_eq!((log.len(), receiver.received().len()), (2, 18));
    assert_eq!((&log[0]["status"], &log[0]["attempts"]), (&json!("failed"), &json!(9)));
    assert_eq!(log[1], first);
}

#[tokio::test]
async fn what_cannot_be_sent_again() {
    let receiver = Receiver::start().await.unwrap();
    let (world, webhook_id, first) = delivered(&receiver).await;
    let refused = async |webhook: &str, delivery: &str| {
        let answer = again(&world, webhook, delivery).await;
        (answer.status, detail(&answer))
    };
    let refusal = |status: u64, text: &str| (status, text.to_owned());
    let other = webhook(&world, &receiver, &["job.completed"]).await;
    for (webhook, delivery, text) in [
        ("x", id(&first), "Webhook not found."),
        ("wh_01KSMB92NRM7N8P9Q0R1S2T3V4", id(&first), "Webhook not found."),
        (&webhook_id, "x", "Delivery not found."),
        (&webhook_id, "dlv_01KSMB92NRM7N8P9Q0R1S2T3V4", "Delivery not found."),
        (&other, id(&first), "Delivery not found."),
    ] {
        assert_eq!(refused(webhook, delivery).await, refusal(404, text), "{webhook} {delivery}");
    }
    let stranger = world.other("eve@example.com").await;
    let foreign = again(&stranger, &webhook_id, id(&first)).await;
    assert_eq!((foreign.status, detail(&foreign).as_str()), (404, "Webhook not found."));

    let tested = world.post(&format!("/api/webhooks/{webhook_id}/test"), &json!({})).await.json();
    let no_test = refusal(400, "A test delivery cannot be sent again.");
    assert_eq!(refused(&webhook_id, id(&tested["delivery"])).await, no_test);
    let new = again(&world, &webhook_id, id(&first)).await.json();
    assert_eq!(refused(&webhook_id, id(&new["delivery"])).await, refusal(400, "Delivery is still pending."));
    let path = format!("/api/webhooks/{webhook_id}/deliveries/{}/redeliver", id(&new["delivery"]));
    let french = [("x-api-key", world.key.as_str()), ("accept-language", "fr")];
    let answer = world.call("POST", &path, &french, "").await;
    assert_eq!(detail(&answer), "La livraison est encore en attente.");
    let answer = world.call("POST", &path, &french, "[]").await;
    assert_eq!(detail(&answer), "Le corps de la requête n'est pas un JSON valide.");
    world.settle().await;

    // the log keeps a delivery for 30 days, and an event as long: a later delivery outlives it
    world.bench.advance(Duration::days(20));
    let late = again(&world, &webhook_id, id(&first)).await.json();
    world.settle().await;
    world.bench.advance(Duration::days(10) + Duration::seconds(1));
    assert_eq!(refused(&webhook_id, id(&first)).await, refusal(404, "Delivery not found."));
    assert_eq!(refused(&webhook_id, id(&late["delivery"])).await, refusal(404, "Event is no longer kept."));

    receiver.answers(410, "");
    failure(&world).await;
    world.settle().await;
    let gone = deliveries(&world, &webhook_id).await.remove(0);
    assert_eq!(refused(&webhook_id, id(&gone)).await, refusal(400, "Webhook is disabled."));
    assert_eq!(world.delete(&format!("/api/webhooks/{webhook_id}")).await.status, 200);
    assert_eq!(refused(&webhook_id, id(&gone)).await, refusal(404, "Webhook not found."));
}

#[tokio::test]
async fn a_call_makes_one_delivery_whatever_the_store_does() {
    let receiver = Receiver::start().await.unwrap();
    let (world, webhook, first) = delivered(&receiver).await;
    let mut calls = 0;
    for fault in [Fault::LostAnswer, Fault::Conflict] {
        for nth in 3..=12 {
            world.bench.faults.every(nth, fault);
            let answer = again(&world, &webhook, id(&first)).await;
            world.bench.faults.stop();
            calls += 1;
            let log = deliveries(&world, &webhook).await;
            assert_eq!((answer.status, log.len()), (200, 1 + calls), "{fault:?} {nth}");
            assert_eq!(answer.json()["delivery"]["id"], log[0]["id"], "{fault:?} {nth}");
        }
    }
    // beside one another
    let many = (0..5).map(|_| again(&world, &webhook, id(&first)));
    let many = futures_util::future::join_all(many).await;
    calls += many.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(calls, 25);
    world.settle().await;
    let log = deliveries(&world, &webhook).await;
    let ids: HashSet<_> = log.iter().map(id).collect();
    assert_eq!((ids.len(), receiver.received().len()), (1 + calls, 1 + calls));
}
