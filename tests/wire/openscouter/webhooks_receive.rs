//! `POST /api/webhooks/:source`: events that another service sends (openscouter 16.3).

use harness::{
    Answer, Bench,
    openscouter::{data, error, post, told},
    snapshot,
};
use serde_json::{Value, json};
use time::Duration;

const SECRETS: &str = r#"{"ci":"of the ci","crm":"of the crm"}"#;

async fn receive(bench: &Bench, source: &str, secret: Option<&str>, body: &Value) -> Answer {
    let headers: Vec<_> = secret.iter().map(|secret| ("x-webhook-secret", *secret)).collect();
    post(bench, &format!("/api/webhooks/{source}"), &headers, body).await
}

#[tokio::test]
async fn each_event_is_accepted_once() {
    let bench = Bench::with(&[("OUTSCOUT_WEBHOOK_SECRETS", SECRETS)]).await.unwrap();
    let event = |id: &str| json!({"id": id, "type": "build.done", "data": {"n": 1}, "other": true});
    let ci = async |body: Value| receive(&bench, "ci", Some("of the ci"), &body).await;
    let answer = ci(event("1")).await;
    assert_eq!((answer.status, answer.header("ratelimit-policy")), (202, "\"webhook\";q=1000;w=60"));
    assert_eq!(data(&answer), json!({"source": "ci", "accepted": 1, "duplicates": 0}));
    assert_eq!(data(&ci(event("1")).await), json!({"source": "ci", "accepted": 0, "duplicates": 1}));
    let batch = json!([event("1"), event("2"), event("2"), event("3")]);
    assert_eq!(data(&ci(batch).await), json!({"source": "ci", "accepted": 2, "duplicates": 2}));
    let crm = receive(&bench, "crm", Some("of the crm"), &event("1")).await;
    assert_eq!(data(&crm)["accepted"], 1, "an id is its source's own");
    let many = futures_util::future::join_all((0..10).map(|_| ci(event("at once")))).await;
    let accepted: u64 = many.iter().map(|answer| data(answer)["accepted"].as_u64().unwrap()).sum();
    assert_eq!(accepted, 1);
    bench.advance(Duration::days(29));
    assert_eq!(data(&ci(event("1")).await)["duplicates"], 1);
    bench.advance(Duration::days(1));
    assert_eq!(data(&ci(event("1")).await)["accepted"], 1, "thirty days are over");
}

#[tokio::test]
async fn what_is_refused() {
    let bench = Bench::with(&[("OUTSCOUT_WEBHOOK_SECRETS", SECRETS)]).await.unwrap();
    let event = json!({"id": "1", "type": "x"});
    assert_eq!(told(&receive(&bench, "ci", None, &event).await), (401, "Missing credentials".to_owned()));
    for secret in ["of the crm", "", "OF THE CI"] {
        let answer = receive(&bench, "ci", Some(secret), &event).await;
        assert_eq!(told(&answer), (401, "Invalid credentials".to_owned()), "{secret}");
    }
    for source in ["nobody", "CI"] {
        let answer = receive(&bench, source, Some("of the ci"), &event).await;
        assert_eq!(told(&answer), (404, "Webhook source not found".to_owned()), "{source}");
    }
    for (body, text) in [
        (json!({"type": "x"}), "id: is required"),
        (json!({"id": 1, "type": "x"}), "id: must be a string"),
        (json!({"id": "1", "type": "x".repeat(129)}), "type: must be at most 128 characters"),
        (json!({"id": "1", "type": "x", "data": []}), "data: must be an object"),
        (json!([]), "body: must contain at least 1 items"),
        (json!(vec![event.clone(); 101]), "body: must contain at most 100 items"),
        (json!([event, {"id": "2"}]), "[1].type: is required"),
        (json!([event, 7]), "[1]: must be an object"),
        (json!(7), "body: must be an object"),
    ] {
        let answer = receive(&bench, "ci", Some("of the ci"), &body).await;
        assert_eq!(told(&answer), (422, text.to_owned()), "{body}");
    }
    let first = receive(&bench, "ci", Some("of the ci"), &event).await;
    assert_eq!(data(&first)["accepted"], 1, "a refused batch changed nothing");
    let none = Bench::start().await.unwrap();
    assert_eq!(receive(&none, "ci", Some("of the ci"), &event).await.status, 404, "no secret, no source");
}

#[tokio::test]
async fn a_batch_costs_its_events_and_is_refused_whole() {
    let bench = Bench::with(&[("OUTSCOUT_WEBHOOK_SECRETS", SECRETS)]).await.unwrap();
    let batch = |tag: &str, size: usize| {
        let events: Vec<_> = (0..size).map(|n| json!({"id": format!("{tag}{n}"), "type": "x"})).collect();
        json!(events)
    };
    let ci = async |body: Value| receive(&bench, "ci", Some("of the ci"), &body).await;
    for round in 0..9 {
        assert_eq!(data(&ci(batch(&format!("{round}-"), 100)).await)["accepted"], 100);
    }
    assert_eq!(ci(batch("a", 60)).await.status, 202);
    let refused = ci(batch("b", 41)).await;
    assert_eq!((refused.status, error(&refused).as_str()), (429, "Rate limit exceeded"));
    assert!(refused.header("ratelimit").starts_with("\"webhook\";r=40;t="), "what was refused does not count");
    assert_eq!(data(&ci(batch("b", 40)).await)["accepted"], 40, "none of the refused ones was taken");
    assert_eq!(ci(json!({"id": "z", "type": "x"})).await.status, 429);
    let other = receive(&bench, "crm", Some("of the crm"), &json!({"id": "z", "type": "x"})).await;
    assert_eq!(other.status, 202, "each source has its own window");
    bench.advance(Duration::seconds(61));
    assert_eq!(ci(json!({"id": "z", "type": "x"})).await.status, 202);
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::with(&[("OUTSCOUT_WEBHOOK_SECRETS", SECRETS)]).await.unwrap();
    let batch = json!([{"id": "1", "type": "build.done", "data": {"n": 1}}, {"id": "1", "type": "build.done"}]);
    let answer = receive(&bench, "ci", Some("of the ci"), &batch).await;
    snapshot!("webhooks-receive", &answer);
}
