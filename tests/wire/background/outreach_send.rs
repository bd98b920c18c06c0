//! `background-outreach-send`: the schedule's own function of the job `outreach-send` (openscouter 20). What it begins, and when,
//! is in `flows/outreach.rs`.

use bytes::Bytes;
use harness::Bench;
use serde_json::{Value, json};

#[tokio::test]
async fn a_tick_with_nothing_to_do() {
    let bench = Bench::start().await.unwrap();
    for _ in 0..2 {
        let ticked = bench.invoke(&background_outreach_send::FUNCTION, Bytes::from_static(b"{}")).await.unwrap();
        let told: Value = serde_json::from_slice(&ticked.whole().unwrap()).unwrap();
        assert_eq!(told, json!({"processed": 0, "failed": 0}));
    }
}
