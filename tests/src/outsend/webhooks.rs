//! Webhooks of a user (outsend 16).

use serde_json::{Value, json};
use shared::{model::JobId, store::Ending};
use time::Duration;

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

/// A job that fails at once.
pub async fn failure(world: &World) -> String {
    let id = world.verification(&["a@one.test"]).await;
    let (store, now) = (world.bench.context.store(), world.bench.context.clock().now());
    store.end_job(JobId::parse(&id).unwrap(), Ending::Failed("No.".to_owned()), now).await.unwrap();
    id
}

/// Lets nine attempts go by.
pub async fn all_attempts(world: &World) {
    // what goes to a receiver that fails is put aside at first
    for pause in [0, 6, 30, 120, 600, 1_800, 5_400, 14_400, 28_800, 36_000] {
        world.bench.advance(Duration::seconds(pause * 112 / 100));
        for _ in 0..2 {
            world.background(&background_work::FUNCTION, &json!({})).await;
        }
    }
}

/// The log of a webhook, newest first.
pub async fn deliveries(world: &World, id: &str) -> Vec<Value> {
    let page = world.get(&format!("/api/webhooks/{id}/deliveries")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    page.json()["deliveries"].as_array().unwrap().clone()
}
