//! What is routed nowhere (outset 4.3).

use harness::{functions::named, outset::World, snapshot};

#[tokio::test]
async fn refuses() {
    let world = World::new().await;
    let answer = world.with(named("outset-fallback"), "GET", "/v1/nothing/", &[], "").await;
    snapshot!("fallback", &answer);
}
