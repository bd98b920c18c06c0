//! `POST /api/data/facial`: a batch of what a session captured (openscouter 11).

use harness::{
    functions::{Api, routed},
    openscouter::{
        self, data,
        ingestion::{begun, kept},
        read,
        team::Team,
        work,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::IngestedStream;

#[tokio::test]
async fn an_item_is_kept_once() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let snapshot =
        |id: &str| json!({"snapshotId": id, "timestamp": team.at(0), "emotion": "neutral", "confidence": 0.9});
    let send = async |batch: Value| {
        let sent = team.tester("POST", "/api/data/facial", &json!({"sessionId": session, "batch": batch})).await;
        (data(&sent)["accepted"].clone(), data(&sent)["duplicates"].clone())
    };
    assert_eq!(send(json!([snapshot("a"), snapshot("a"), snapshot("b")])).await, (json!(3), json!(1)));
    assert_eq!(send(json!([snapshot("a"), snapshot("c")])).await, (json!(2), json!(1)));
    // another process, which remembers nothing
    let fresh = team.bench.another_process();
    let body = json!({"sessionId": session, "batch": [snapshot("b"), snapshot("d")]});
    let headers = [("authorization", team.tester.as_str()), ("content-type", "application/json")];
    let function = routed(Api::OpenScouter, "POST", "/api/data/facial");
    let sent = fresh.send(function, "POST", "/api/data/facial", &headers, body.to_string().as_bytes()).await.unwrap();
    assert_eq!(data(&sent)["duplicates"], 1);
    // the first one goes on without having seen that
    assert_eq!(send(json!([snapshot("d"), snapshot("e")])).await, (json!(2), json!(1)));
    assert_eq!(kept(&team, &session, IngestedStream::Facial).await.len(), 5);
    // the same batch many times at once
    let again = json!({"sessionId": session, "batch": (0..50).map(|n| snapshot(&format!("n{n}"))).collect::<Vec<_>>()});
    let text = again.to_string();
    let calls = (0..8).map(|_| openscouter::send(&team.bench, "POST", "/api/data/facial", &headers, &text));
    let answers = futures_util::future::join_all(calls).await;
    let duplicates: u64 = answers.iter().map(|answer| data(answer)["duplicates"].as_u64().unwrap()).sum();
    assert_eq!(duplicates, 7 * 50);
    assert_eq!(kept(&team, &session, IngestedStream::Facial).await.len(), 55);
}

/// What agent 1 tells of a session now.
async fn moments(team: &Team, session: &str) -> Vec<Value> {
    let asked = team.tester("POST", "/api/ai", &json!({"sessionId": session})).await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    work(&team.bench).await;
    let seen = data(&read(&team.bench, &team.tester, &format!("/api/sessions/{session}")).await);
    assert_eq!(seen["analysis"]["status"], "complete");
    let moments = seen["analysis"]["insights"]["criticalMoments"].as_array().unwrap();
    moments.iter().map(|moment| moment["type"].clone()).collect()
}

#[tokio::test]
async fn a_snapshot_without_a_face_is_kept_and_left_out() {
    let (team, session) = begun().await;
    let faces = async |detected: bool| {
        let item = |millis: i64| json!({"timestamp": team.at(millis), "faceDetected": detected, "emotion": "angry", "confidence": 1});
        let body = json!({"sessionId": session, "batch": (0..4).map(|n| item(n * 100)).collect::<Vec<_>>()});
        data(&team.tester("POST", "/api/data/facial", &body).await)
    };
    let answer = faces(false).await;
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(4), &json!(0)));
    assert_eq!(kept(&team, &session, IngestedStream::Facial).await.len(), 4);
    assert_eq!(moments(&team, &session).await, Vec::<Value>::new());
    faces(true).await;
    assert_eq!(moments(&team, &session).await, [json!("confusion")], "the same with faces");
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let item = json!({"timestamp": team.at(0), "emotion": "neutral", "confidence": 0.9});
    let body = json!({"sessionId": session, "batch": [item, 7]});
    let answer = team.tester("POST", "/api/data/facial", &body).await;
    snapshot!("data-facial", &answer);
}
