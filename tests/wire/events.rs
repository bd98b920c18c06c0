//! The sample events: what API Gateway sends is what the functions read.

use bytes::Bytes;
use harness::Bench;
use serde_json::Value;

#[tokio::test]
async fn every_function_answers_its_sample() {
    let bench = Bench::start().await.unwrap();
    for (function, status) in local::functions::ALL
        .iter()
        .zip([401, 401, 401, 401, 200, 401, 401, 200, 404, 404, 404, 404, 200, 401, 401, 401])
    {
        let sample = format!("{}/../events/{}.json", env!("CARGO_MANIFEST_DIR"), function.name);
        let invoke = (function.invoke)(bench.context.clone());
        let answer = invoke(Bytes::from(std::fs::read(sample).unwrap())).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["statusCode"], status, "{}", function.name);
    }
}
