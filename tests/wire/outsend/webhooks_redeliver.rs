//! `POST /api/webhooks/{webhook}/redeliver`: sends again what failed since a time (outsend 16.1).

use harness::{
    faults::Fault,
    outsend::{
        detail,
        webhooks::{failure, webhook, world},
    },
    receiver::Receiver,
    snapshot,
};
use serde_json::{Value, json};
use shared::outsend::format::timestamp;
use time::Duration;

#[tokio::test]
async fn succeeds() {
    let world = world().await;
    let receiver = Receiver::start().await.unwrap();
    let id = webhook(&world, &receiver, &["job.failed"]).await;
    let since = timestamp(world.bench.context.clock().now());
    let answer = world.post(&format!("/api/webhooks/{id}/redeliver"), &json!({"since": since})).await;
    snapshot!("webhooks-redeliver", &answer);
    world.settle().await;
    assert!(receiver.received().is_empty(), "nothing had failed");
}

#[tokio::test]
async fn since_is_a_time_of_the_last_thirty_days() {
    let world = world().await;
    let receiver = Receiver::start().await.unwrap();
    let id = webhook(&world, &receiver, &["job.failed"]).await;
    let path = format!("/api/webhooks/{id}/redeliver");
    let now = world.bench.context.clock().now();
    let (old, later) = (timestamp(now - Duration::days(30)), timestamp(now + Duration::minutes(1)));
    for (since, message) in [
        (Value::Null, "Field is required."),
        (json!(1_779_874_812), "Must be a string."),
        (json!(""), "Invalid format."),
        (json!("yesterday"), "Invalid format."),
        (json!("2026-05-27"), "Invalid format."),
        (json!("2026-05-27T09:12:03"), "Invalid format."),
        (json!("2026-13-27T09:12:03Z"), "Invalid format."),
        (json!("0000-01-01T00:00:00Z"), "Must be within the last 30 days."),
        (json!("9999-12-31T23:59:59-23:59"), "Must be within the last 30 days."),
        (json!(old), "Must be within the last 30 days."),
        (json!(later), "Must be within the last 30 days."),
    ] {
        let answer = world.post(&path, &json!({"since": since})).await;
        let errors = json!([{"field": "since", "message": message}]);
        assert_eq!((answer.status, &answer.json()["errors"]), (422, &errors), "{since}");
    }
    let french = [("x-api-key", world.key.as_str()), ("accept-language", "fr")];
    let answer = world.call("POST", &path, &french, &json!({"since": later}).to_string()).await.json();
    assert_eq!(answer["errors"][0]["message"], "Doit dater des 30 derniers jours.");
    for (body, place) in [("", ""), ("[]", ""), ("{", " (line 1, column 1)")] {
        let answer = world.call("POST", &path, &[("x-api-key", &world.key)], body).await;
        assert_eq!(
            (answer.status, detail(&answer)),
            (400, format!("Request body is not valid JSON{place}.")),
            "{body}"
        );
    }
    // with decimals and with an offset, too
    for since in [now - Duration::days(29), now - Duration::hours(1)] {
        let since = timestamp(since);
        for since in [since.clone(), since.replace('Z', ".250Z"), since.replace('Z', "+00:00")] {
            let answer = world.post(&path, &json!({"since": since})).await;
            assert_eq!(answer.body, r#"{"ok":true}"#, "{since}");
            world.settle().await;
        }
    }
}

#[tokio::test]
async fn a_lost_answer_of_the_store_is_no_other_call() {
    let world = world().await;
    let receiver = Receiver::start().await.unwrap();
    let id = webhook(&world, &receiver, &["job.failed"]).await;
    let body = json!({"since": timestamp(world.bench.context.clock().now())});
    for nth in 3..=9 {
        world.bench.faults.every(nth, Fault::LostAnswer);
        let answer = world.post(&format!("/api/webhooks/{id}/redeliver"), &body).await;
        world.bench.faults.stop();
        assert_eq!(answer.status, 200, "{nth}: {}", answer.body);
        world.settle().await;
    }
}

#[tokio::test]
async fn one_at_a_time_of_a_webhook_that_takes_events() {
    let world = world().await;
    let receiver = Receiver::start().await.unwrap();
    let (id, other) =
        (webhook(&world, &receiver, &["job.failed"]).await, webhook(&world, &receiver, &["job.failed"]).await);
    let body = json!({"since": timestamp(world.bench.context.clock().now())});
    let ask = async |id: &str| {
        let answer = world.post(&format!("/api/webhooks/{id}/redeliver"), &body).await;
        (answer.status, detail(&answer))
    };
    let refusal = |status: u64, text: &str| (status, text.to_owned());
    assert_eq!(ask(&id).await.0, 200);
    let twice = refusal(400, "Deliveries of this webhook are already being sent again.");
    assert_eq!(ask(&id).await, twice);
    assert_eq!(ask(&other).await.0, 200);
    world.settle().await;
    assert_eq!(ask(&id).await.0, 200);
    world.settle().await;
    for unknown in ["x", "wh_01KSMB92NRM7N8P9Q0R1S2T3V4"] {
        assert_eq!(ask(unknown).await, refusal(404, "Webhook not found."));
    }
    let stranger = world.other("eve@example.com").await;
    let foreign = stranger.post(&format!("/api/webhooks/{id}/redeliver"), &body).await;
    assert_eq!((foreign.status, detail(&foreign).as_str()), (404, "Webhook not found."));
    receiver.answers(410, "");
    failure(&world).await;
    world.settle().await;
    assert_eq!(ask(&id).await, refusal(400, "Webhook is disabled."));
}
