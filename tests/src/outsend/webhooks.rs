//! Webhooks of a user (outsend 16).

use serde_json::{Value, json};

use super::jobs::World;
use crate::receiver::Receiver;

/// The secret of the contract's examples.
pub const SECRET: &str = "9f2c4e6a8b0d1f3e5a7c9e1b3d5f7a9c0e2a4c6e8f1b3d5f7a9c1e3b5d7f9a0c";

/// A world whose webhooks may be on this machine.
pub async fn world() -> World {
    World::with(&[("OUTSCOUT_WEBHOOK_ALLOW_HOSTS", "127.0.0.1")]).await
}

/// A webhook at a receiver; its id.
pub async fn webhook(world: &World, receiver: &Receiver, events: &[&str]) -> String {
    let body = json!({"url": receiver.url(), "events": events, "secret": SECRET});
    let made = world.post("/api/webhooks", &body).await;
    assert_eq!(made.status, 200, "{}", made.body);
    made.json()["id"].as_str().unwrap().to_owned()
}

/// The log of a webhook, newest first.
pub async fn deliveries(world: &World, id: &str) -> Vec<Value> {
    let page = world.get(&format!("/api/webhooks/{id}/deliveries")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    page.json()["deliveries"].as_array().unwrap().clone()
}
