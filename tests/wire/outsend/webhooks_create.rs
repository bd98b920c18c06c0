//! `POST /api/webhooks`: makes a webhook (outsend 16.1).

use std::sync::Arc;

use harness::{
    log,
    outsend::{detail, jobs::World, webhooks::SECRET},
    snapshot,
};
use serde_json::{Value, json};

const URL: &str = "https://hooks.example.com/o";

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let body = json!({"url": URL, "events": ["job.completed"], "secret": SECRET});
    let answer = world.post("/api/webhooks", &body).await;
    snapshot!("webhooks-create", &answer);
}

#[tokio::test]
async fn what_is_given_is_kept_as_it_is() {
    log();
    let world = World::start().await;
    let url = "HTTPS://Hooks.Example.com:443/%7Eo/../x?a=%20&b=é#frag";
    let secret = "~ not hex at all ~";
    let events = json!(["job.failed", "job.completed", "job.failed", "veille.run_completed"]);
    let made = world.post("/api/webhooks", &json!({"url": url, "events": events, "secret": secret, "x": 1})).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let made = made.json();
    assert_eq!((made["url"].as_str(), made["secret"].as_str()), (Some(url), Some(secret)));
    assert_eq!(made["events"], json!(["job.failed", "job.completed", "veille.run_completed"]));
    let listed = world.get("/api/webhooks").await;
    assert_eq!(listed.json()["webhooks"][0]["url"], url);
    assert!(!listed.body.contains("secret"));
    let own = world.post("/api/webhooks", &json!({"url": URL, "events": ["job.failed"], "secret": null})).await.json();
    let own = own["secret"].as_str().unwrap();
    assert!(own.len() == 64 && own.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)), "{own}");
    assert!(!log().lines().iter().any(|line| line.contains(secret) || line.contains(own)));
}

#[tokio::test]
async fn wrong_fields_are_told() {
    let world = World::start().await;
    let names = "Must be one of: job.completed, job.failed, job.cancelled, pipeline.completed, pipeline.failed, \
                 pipeline.cancelled, veille.run_completed.";
    for (body, field, message) in [
        (json!({"events": ["job.failed"]}), "url", "Field is required."),
        (json!({"url": 1, "events": ["job.failed"]}), "url", "Must be a string."),
        (
            json!({"url": format!("https://hooks.example.com/{}", "x".repeat(2_048)), "events": ["job.failed"]}),
            "url",
            "Must have 1 to 2048 characters.",
        ),
        (json!({"url": URL}), "events", "Field is required."),
        (json!({"url": URL, "events": "job.failed"}), "events", "Must be a list."),
        (json!({"url": URL, "events": []}), "events", "Must have 1 to 7 entries."),
        (json!({"url": URL, "events": vec!["job.failed"; 8]}), "events", "Must have 1 to 7 entries."),
        (json!({"url": URL, "events": ["job.failed", "job.expired"]}), "events.1", names),
        (json!({"url": URL, "events": ["ping"]}), "events.0", names),
        (json!({"url": URL, "events": [7]}), "events.0", "Must be a string."),
        (json!({"url": URL, "events": ["job.failed"], "secret": "short"}), "secret", "Must have 16 to 128 characters."),
        (
            json!({"url": URL, "events": ["job.failed"], "secret": "x".repeat(129)}),
            "secret",
            "Must have 16 to 128 characters.",
        ),
        (json!({"url": URL, "events": ["job.failed"], "secret": "sixteen characté"}), "secret", "Invalid format."),
        (json!({"url": URL, "events": ["job.failed"], "secret": "a line\nand another"}), "secret", "Invalid format."),
    ] {
        let answer = world.post("/api/webhooks", &body).await;
        let errors = json!([{"field": field, "message": message}]);
        assert_eq!((answer.status, &answer.json()["errors"]), (422, &errors), "{body}");
    }
    assert_eq!(world.get("/api/webhooks").await.body, r#"{"webhooks":[]}"#);
}

#[tokio::test]
async fn what_is_not_public_is_refused() {
    let world = World::start().await;
    for url in [
        "hooks.example.com",
        "http://hooks.example.com/o",
        "https://user:pass@hooks.example.com/o",
        "https://localhost/o",
        "https://127.0.0.1/o",
        "https://[::1]/o",
        "https://10.0.0.7/o",
        "https://169.254.169.254/latest",
        "https://inner.example.com/o",
        "https://none.example.com/o",
        "https://nx.example.com/o",
    ] {
        let answer = world.post("/api/webhooks", &json!({"url": url, "events": ["job.failed"]})).await;
        let expected = "Webhook URL must use https and be publicly reachable.";
        assert_eq!((answer.status, detail(&answer).as_str()), (400, expected), "{url}");
    }
    let french = [("x-api-key", world.key.as_str()), ("accept-language", "fr")];
    let body = json!({"url": "http://x", "events": ["job.failed"]}).to_string();
    let answer = world.call("POST", "/api/webhooks", &french, &body).await;
    assert_eq!(detail(&answer), "L'URL du webhook doit être en https et accessible publiquement.");
}

#[tokio::test]
async fn five_and_no_more_however_many_ask() {
    let world = Arc::new(World::start().await);
    let calls = (0..8).map(|_| {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.post("/api/webhooks", &json!({"url": URL, "events": ["job.failed"]})).await })
    });
    let calls: Vec<_> = calls.collect();
    let mut made = 0;
    for call in calls {
        let answer = call.await.unwrap();
        if answer.status == 200 {
            made += 1;
        } else {
            assert_eq!((answer.status, detail(&answer).as_str()), (400, "Limit reached: 5 webhooks."));
        }
    }
    assert_eq!(made, 5);
    let listed: Value = world.get("/api/webhooks").await.json();
    assert_eq!(listed["webhooks"].as_array().unwrap().len(), 5);
}
