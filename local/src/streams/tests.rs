use std::sync::{Arc, Mutex};

use shared::lambda::Reply;

use super::*;
use crate::{
    embedded_store::{Engine, client as store_client, new_credentials},
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
        parallel: 1,
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
            Ok(Reply::Whole(Bytes::new()))
        })
    })
}

async fn put(engine: &Engine, pk: &str) {
    let value = aws_sdk_dynamodb::types::AttributeValue::S(pk.to_owned());
    let sk = aws_sdk_dynamodb::types::AttributeValue::S("X".to_owned());
    store_client(&engine.endpoint, &engine.credentials)
        .put_item()
        .table_name("main")
        .item("pk", value)
        .item("sk", sk)
        .send()
        .await
        .unwrap();
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
    tokio::time::sleep(GAP * 8).await;
    keys(seen)
}

#[tokio::test]
async fn records_arrive_in_order_filtered_once_and_after_a_restart() {
    let folder = std::env::temp_dir().join(format!("outscout-streams-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("streams.json");
    let (stop_engine, engine_stop) = watch::channel(false);
    let engine =
        Engine::start(crate::data::ANY_PORT, &new_credentials().unwrap(), None, &[table()], engine_stop).await.unwrap();
    let filter = r#"{"eventName":["INSERT"],"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"WORK#"}]}}}}"#;
    let seen = Seen::default();
    for number in 0..5 {
        put(&engine, &format!("WORK#{number}")).await;
        put(&engine, &format!("OTHER#{number}")).await;
    }
    let (stop, stop_signal) = watch::channel(false);
    let checkpoints = Checkpoints::open(file.clone()).unwrap();
    let running = run(mapping(filter), &engine, checkpoints, function(&seen, 2), stop_signal);
    let expected: Vec<_> = (0..5).map(|number| format!("WORK#{number}")).collect();
    assert_eq!(settled(&seen, 5).await, expected);
    let first = seen.lock().unwrap()[0].clone();
    assert_eq!(first["dynamodb"]["NewImage"]["sk"]["S"], "X");
    assert_eq!(first["dynamodb"]["StreamViewType"], "NEW_AND_OLD_IMAGES");
    stop.send(true).unwrap();
    running.await.unwrap();
    put(&engine, "WORK#5").await;
    let (stop, stop_signal) = watch::channel(false);
    let checkpoints = Checkpoints::open(file).unwrap();
    let running = run(mapping(filter), &engine, checkpoints, function(&seen, 0), stop_signal);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_batch_holds_only_its_own_key_back_and_each_key_keeps_its_order() {
    let (stop_engine, engine_stop) = watch::channel(false);
    let engine =
        Engine::start(crate::data::ANY_PORT, &new_credentials().unwrap(), None, &[table()], engine_stop).await.unwrap();
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    // the key that is met first never gets through
    let first = Arc::new(Mutex::new(None::<String>));
    let slow: Invoke = Arc::new(move |event| {
        let (kept, first) = (Arc::clone(&kept), Arc::clone(&first));
        Box::pin(async move {
            let event: Value = serde_json::from_slice(&event).unwrap();
            let records = event["Records"].as_array().unwrap().clone();
            let key = records[0]["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap().to_owned();
            let stuck = first.lock().unwrap().get_or_insert_with(|| key.clone()).clone();
            if key == stuck {
                std::future::pending::<()>().await;
            }
            kept.lock().unwrap().extend(records);
            Ok(Reply::Whole(Bytes::new()))
        })
    });
    let mapping = Mapping { parallel: 10, filters: Vec::new(), ..mapping("{}") };
    let (stop, stopped) = watch::channel(false);
    let checkpoints = Checkpoints::default();
    let task = run(mapping, &engine, checkpoints.clone(), slow, stopped);
    let store = store_client(&engine.endpoint, &engine.credentials);
    let text = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
    for round in 0..3 {
        for key in 0..20 {
            let call = store.put_item().table_name("main").item("pk", text(format!("K{key}")));
            call.item("sk", text("X".to_owned())).item("round", text(round.to_string())).send().await.unwrap();
        }
    }
    let mut through = Vec::new();
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        through = seen.lock().unwrap().clone();
        if through.len() >= 30 {
            break;
        }
    }
    assert!(through.len() >= 30, "{} came past the one that is stuck", through.len());
    let of = |key: &str| {
        let own = through.iter().filter(|record| record["dynamodb"]["Keys"]["pk"]["S"] == key);
        own.map(|record| record["dynamodb"]["NewImage"]["round"]["S"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for key in 0..20 {
        let rounds = of(&format!("K{key}"));
        assert!(rounds.is_sorted() && rounds.len() <= 3, "{key}: {rounds:?}");
    }
    stop.send(true).unwrap();
    task.await.unwrap();
    stop_engine.send(true).unwrap();
    engine.ended().await;
}
