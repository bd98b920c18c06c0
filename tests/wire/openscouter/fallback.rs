//! What is routed nowhere, and every preflight (openscouter 2.4, 2.9).

use harness::{Bench, openscouter::send, snapshot};

#[tokio::test]
async fn answers_a_preflight() {
    let bench = Bench::start().await.unwrap();
    let answer = send(&bench, "OPTIONS", "/api/jobs", &[("origin", "https://app.openscouter.com")], "").await;
    snapshot!("fallback", &answer);
}
