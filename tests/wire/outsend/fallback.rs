//! What is routed nowhere: 404 and 405 (outsend 1).

use harness::{Bench, outsend::send, snapshot};

#[tokio::test]
async fn refuses() {
    let bench = Bench::start().await.unwrap();
    let answer = send(&bench, "GET", "/api/nothing", &[], "").await;
    snapshot!("fallback", &answer);
}
