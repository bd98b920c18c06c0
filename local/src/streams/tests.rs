use std::sync::{Arc, Mutex};

use super::*;
use crate::{
    engine::{Engine, client as store_client},
    template::Table,
};

type Seen = Arc<Mutex<Vec<Value>>>;

fn table() -> Table {
    Table {
        name: "main".to_owned(),
        keys: vec!["pk".to_owned(), "sk".to_owned()],
        stream: Some("NEW_AND_OLD_IMAGES".to_owned()),
        time_to_live: None,
    }
}

fn mapping(filter: &str) -> Mapping {
    Mapping {
        function: "reactor".to_owned(),
        table: "main".to_owned(),
        filters: vec![Pattern::parse(filter).unwrap()],
        batch_size: 3,
        most_retries: None,
        reports_items: false,
    }
}

/// A function that keeps the keys that it sees, and fails as often as `failures` says.
fn function(seen: &Seen, failures: usize) -> Invoke {
    let (seen, failures) = (Arc::clone(seen), Arc::new(Mutex::new(failures)));
    Arc::new(move |event| {
        let (seen, failures) = (Arc::clone(&seen), Arc::clone(&failures));
        Box::pin(async move {
            let mut left = failures.lock().unwrap();
            if *left > 0 {
                *left -= 1;
                return Err(InvokeError::failed("not yet"));
            }
            let event: Value = serde_json::from_slice(&event).unwrap();
            seen.lock().unwrap().extend(event["Records"].as_array().unwrap().iter().cloned());
            Ok(Bytes::new())
        })
    })
}

async fn put(endpoint: &str, pk: &str) {
    let value = aws_sdk_dynamodb::types::AttributeValue::S(pk.to_owned());
    let sk = aws_sdk_dynamodb::types::AttributeValue::S("X".to_owned());
    store_client(endpoint).put_item().table_name("main").item("pk", value).item("sk", sk).send().await.unwrap();
}

fn keys(seen: &Seen) -> Vec<String> {
    let seen = seen.lock().unwrap();
    seen.iter().map(|record| record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap().to_owned()).collect()
}

async fn settled(seen: &Seen, count: usize) -> Vec<String> {
    for _ in 0..100 {
        if seen.lock().unwrap().len() >= count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // long enough for one record too many to show
    tokio::time::sleep(IDLE * 2).await;
    keys(seen)
}

#[tokio::test]
async fn records_arrive_in_order_filtered_once_and_after_a_restart() {
    let folder = std::env::temp_dir().join(format!("outscout-streams-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("streams.json");
    let (stop_engine, engine_stop) = watch::channel(false);
    let engine = Engine::start(crate::data::ANY_PORT, None, &[table()], engine_stop).await.unwrap();
    let filter = r#"{"eventName":["INSERT"],"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"WORK#"}]}}}}"#;
    let seen = Seen::default();
    for number in 0..5 {
        put(&engine.endpoint, &format!("WORK#{number}")).await;
        put(&engine.endpoint, &format!("OTHER#{number}")).await;
    }
    let (stop, stop_signal) = watch::channel(false);
    let checkpoints = Checkpoints::open(file.clone()).unwrap();
    let running = run(mapping(filter), &engine.endpoint, checkpoints, function(&seen, 2), stop_signal);
    let expected: Vec<_> = (0..5).map(|number| format!("WORK#{number}")).collect();
    assert_eq!(settled(&seen, 5).await, expected);
    let first = seen.lock().unwrap()[0].clone();
    assert_eq!(first["dynamodb"]["NewImage"]["sk"]["S"], "X");
    assert_eq!(first["dynamodb"]["StreamViewType"], "NEW_AND_OLD_IMAGES");
    stop.send(true).unwrap();
    running.await.unwrap();
    put(&engine.endpoint, "WORK#5").await;
    let (stop, stop_signal) = watch::channel(false);
    let checkpoints = Checkpoints::open(file).unwrap();
    let running = run(mapping(filter), &engine.endpoint, checkpoints, function(&seen, 0), stop_signal);
    assert_eq!(settled(&seen, 6).await.last().map(String::as_str), Some("WORK#5"));
    assert_eq!(keys(&seen).len(), 6, "nothing came twice");
    stop.send(true).unwrap();
    running.await.unwrap();
    stop_engine.send(true).unwrap();
    engine.ended().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_batch_is_sent_again_from_its_first_failed_record() {
    let records: Vec<_> = ["1", "2", "3"].map(|number| json!({"dynamodb": {"SequenceNumber": number}})).into();
    let failed = |answer: Value| first_failed(answer.to_string().as_bytes(), &records);
    assert_eq!(failed(json!({"batchItemFailures": []})).unwrap(), None);
    assert_eq!(failed(json!(null)).unwrap(), None);
    let two = json!({"batchItemFailures": [{"itemIdentifier": "3"}, {"itemIdentifier": "2"}]});
    assert_eq!(failed(two).unwrap(), Some(1));
    assert!(failed(json!({"batchItemFailures": [{"itemIdentifier": "9"}]})).is_err());
}
