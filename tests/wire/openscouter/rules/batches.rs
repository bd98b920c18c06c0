//! Batches that come again (openscouter 2.10, 11.1).

use aws_sdk_dynamodb::types::AttributeValue;
use harness::{
    Answer,
    faults::Fault,
    functions::{Api, routed},
    openscouter::{
        data,
        ingestion::{begun, kept, post_batch},
        refused, send,
        team::Team,
        told,
    },
};
use serde_json::{Value, json};
use shared::{model::IngestedStream, store::round_trips};

/// Events, of which those with a number have it for an id.
fn events(team: &Team, session: &str, ids: &[Option<u32>]) -> String {
    let event = |id: &Option<u32>| {
        let mut event = json!({"eventType": "click", "targetSelector": "#a", "timestamp": team.at(0)});
        if let Some(id) = id {
            event["eventId"] = json!(format!("e{id}"));
        }
        event
    };
    json!({"sessionId": session, "batch": ids.iter().map(event).collect::<Vec<_>>()}).to_string()
}

fn counts(answer: &Answer) -> (Value, Value) {
    (data(answer)["accepted"].clone(), data(answer)["duplicates"].clone())
}

/// Sends a batch under an idempotency key.
async fn keyed(bench: &harness::Bench, team: &Team, key: &str, body: &str) -> Answer {
    team.bench.advance(time::Duration::seconds(1));
    let headers =
        [("authorization", team.tester.as_str()), ("content-type", "application/json"), ("idempotency-key", key)];
    send(bench, "POST", "/api/data/events", &headers, body).await
}

/// Loses every record of finished requests.
async fn lose_records(team: &Team) {
    let client = {
        let credentials = &team.bench.context.settings().store.credentials;
        local::embedded_store::client(&team.bench.faults.endpoint, credentials)
    };
    let found = client.scan().table_name("hot").consistent_read(true).send().await.unwrap().items.unwrap();
    let text = |value: &AttributeValue| value.as_s().unwrap().clone();
    let records: Vec<_> = found.into_iter().filter(|item| item.contains_key("fingerprint")).collect();
    assert!(!records.is_empty());
    for item in records {
        let (pk, sk) = (text(&item["pk"]), text(&item["sk"]));
        let call = client.delete_item().table_name("hot").key("pk", AttributeValue::S(pk));
        call.key("sk", AttributeValue::S(sk)).send().await.unwrap();
    }
}

#[tokio::test]
async fn items_without_an_id_are_known_by_all_that_is_kept_of_them() {
    let (team, session) = begun().await;
    let body = events(&team, &session, &[None, None, Some(1), Some(1)]);
    let post = async || post_batch(&team, "events", &team.tester, &body).await;
    assert_eq!(counts(&post().await), (json!(4), json!(1)));
    // those that are alike in one batch are two, and both are known when it comes again
    assert_eq!(counts(&post().await), (json!(4), json!(4)));
    assert_eq!(kept(&team, &session, IngestedStream::Events).await.len(), 3);
    // ids of one stream mean nothing to another
    let said = json!({"timestamp": team.at(0), "transcript": "hm", "segmentId": "e1"});
    let body = json!({"sessionId": session, "batch": [said, said]}).to_string();
    let answer = post_batch(&team, "voice", &team.tester, &body).await;
    assert_eq!(counts(&answer), (json!(2), json!(1)));
    let answer = post_batch(&team, "voice", &team.tester, &body).await;
    assert_eq!(counts(&answer), (json!(2), json!(2)));
}

#[tokio::test]
async fn a_request_that_comes_again_is_answered_from_its_record() {
    let (team, session) = begun().await;
    let body = events(&team, &session, &[None, Some(1), Some(1)]);
    let first = keyed(&team.bench, &team, "k1", &body).await;
    let again = keyed(&team.bench, &team, "k1", &body).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(first.header("idempotency-replayed"), "");
    // the body comes before the record
    let malformed = keyed(&team.bench, &team, "k1", "{\"sessionId\":").await;
    assert_eq!(told(&malformed), (400, "Malformed JSON body".to_owned()));
    assert_eq!(told(&keyed(&team.bench, &team, "k1", "[]").await), refused("body: must be an object"));
    let other = keyed(&team.bench, &team, "k1", &events(&team, &session, &[None])).await;
    assert_eq!(told(&other), refused("Idempotency-Key: was used with a different payload"));
    // and the record before the fields
    let odd = keyed(&team.bench, &team, "k1", "{\"sessionId\":7}").await;
    assert_eq!(told(&odd), refused("Idempotency-Key: was used with a different payload"));
    assert_eq!(kept(&team, &session, IngestedStream::Events).await.len(), 2);
}

#[tokio::test]
async fn a_request_whose_record_was_lost_is_known_by_its_batch() {
    let (team, session) = begun().await;
    let before = post_batch(&team, "events", &team.tester, &events(&team, &session, &[None, Some(1)])).await;
    assert_eq!(counts(&before), (json!(2), json!(0)));
    let body = events(&team, &session, &[None, Some(1), Some(2), None]);
    let first = keyed(&team.bench, &team, "k1", &body).await;
    assert_eq!(counts(&first), (json!(4), json!(1)));
    for process in [team.bench.another_process(), team.bench.another_process()] {
        lose_records(&team).await;
        assert_eq!(keyed(&process, &team, "k1", &body).await.body, first.body);
    }
    lose_records(&team).await;
    assert_eq!(keyed(&team.bench, &team, "k1", &body).await.body, first.body, "the process that kept it");
    assert_eq!(kept(&team, &session, IngestedStream::Events).await.len(), 5);
    // another key is another request, of the same items
    let second = keyed(&team.bench, &team, "k2", &body).await;
    assert_eq!(counts(&second), (json!(4), json!(4)));
    assert_eq!(kept(&team, &session, IngestedStream::Events).await.len(), 5);
}

#[tokio::test]
async fn processes_that_take_turns_learn_from_each_other() {
    let (team, session) = begun().await;
    let processes = [team.bench.another_process(), team.bench.another_process(), team.bench.another_process()];
    let headers = [("authorization", team.tester.as_str()), ("content-type", "application/json")];
    let mut most = 0;
    for turn in 0..12_u32 {
        // each batch has one id that is new, and that of the batch before, which another process took in
        team.bench.advance(time::Duration::seconds(1));
        let ids = [Some(turn + 1), Some(turn), None];
        let body = events(&team, &session, &ids);
        let process = &processes[turn as usize % if turn < 6 { 2 } else { 3 }];
        let function = routed(Api::OpenScouter, "POST", "/api/data/events");
        let sent = process.send(function, "POST", "/api/data/events", &headers, body.as_bytes());
        let (answer, cost) = round_trips::counted(sent).await;
        let duplicates = u64::from(turn > 0);
        assert_eq!(counts(&answer.unwrap()), (json!(3), json!(duplicates)), "turn {turn}");
        if (2..6).contains(&turn) {
            most = most.max(cost.calls);
        }
    }
    assert_eq!(kept(&team, &session, IngestedStream::Events).await.len(), 25);
    // who calls, the window, the session, the batch that is refused, and the one that is not
    assert!(most <= 5, "{most}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_kept_once_when_answers_are_lost() {
    let (team, session) = begun().await;
    team.bench.faults.every(3, Fault::LostAnswer);
    for turn in 0..6 {
        let body = events(&team, &session, &[None, Some(turn)]);
        let answer = post_batch(&team, "events", &team.tester, &body).await;
        assert_eq!(counts(&answer), (json!(2), json!(0)));
    }
    assert!(team.bench.faults.stop() > 0);
    assert_eq!(kept(&team, &session, IngestedStream::Events).await.len(), 12);
}
