//! A language model that writes the texts of agents (openscouter 12).

use std::sync::{Arc, Mutex};

use harness::{
    Bench,
    openscouter::{data, team::Team, work},
};
use serde_json::{Value, json};
use time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A model that answers every request with the same texts, and keeps what it was asked.
async fn model(answer: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            let mut buffer = [0; 65_536];
            loop {
                let read = stream.read(&mut buffer).await.unwrap_or(0);
                bytes.extend_from_slice(&buffer[..read]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let length =
                    text.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                let body = text.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
                if read == 0 || length.is_some_and(|length: usize| body >= length) {
                    kept.lock().unwrap().push(text);
                    break;
                }
            }
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
            let _ = stream.write_all(format!("{head}{answer}").as_bytes()).await;
        }
    });
    (url, asked)
}

#[tokio::test]
async fn a_model_writes_the_texts_and_learns_nothing_of_the_person() {
    let answer = r#"{"choices": [{"message": {"content":
        "{\"summary\": \"Paying is hard.\", \"moments\": [{\"note\": \"Nothing seemed to happen.\", \"recommendation\": \"Show a spinner.\"}]}"}}]}"#;
    let (url, asked) = model(answer).await;
    let bench = Bench::with(&[
        ("OUTSCOUT_AGENT_PROVIDER", "openai"),
        ("OUTSCOUT_AGENT_MODEL", "a-model"),
        ("OUTSCOUT_AGENT_BASE_URL", &url),
        ("OUTSCOUT_AGENT_API_KEY", "sk-hush"),
    ])
    .await
    .unwrap();
    let team = Team::over(bench).await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    team.bench.advance(Duration::seconds(30));
    let at = |millis: i64| team.at(millis - 20_000);
    let clicks: Vec<_> =
        (0..4).map(|n| json!({"eventType": "click", "targetSelector": "#pay", "timestamp": at(n * 100)})).collect();
    team.tester("POST", "/api/data/events", &json!({"sessionId": session, "batch": clicks})).await;
    let face = json!([{"timestamp": at(0), "emotion": "angry", "confidence": 0.9}]);
    team.tester("POST", "/api/data/facial", &json!({"sessionId": session, "batch": face})).await;
    let said = json!([{"timestamp": at(0), "transcript": "my name is Tess and all is well"}]);
    team.tester("POST", "/api/data/voice", &json!({"sessionId": session, "batch": said})).await;
    team.tester("POST", &format!("/api/sessions/{session}/complete"), &json!({})).await;
    team.approve(&study).await;
    team.owner("POST", &format!("/api/sessions/{session}/analyze"), &Value::Null).await;
    work(&team.bench).await;
    let notes = data(&team.tester("GET", &format!("/api/sessions/{session}/notes"), &Value::Null).await);
    assert_eq!(notes["notes"].as_array().unwrap().len(), 1, "{notes}");
    assert_eq!(
        (&notes["notes"][0]["text"], &notes["notes"][0]["recommendation"]),
        (&json!("Nothing seemed to happen."), &json!("Show a spinner."))
    );
    assert_eq!(notes["notes"][0]["severity"], "critical", "numbers are ours");
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 1);
    let request = &asked[0];
    assert!(request.contains("authorization: Bearer sk-hush") && request.contains("Tester 1"));
    let user = team.user.id;
    for secret in [
        "angry",
        "Tess",
        "tess@",
        "example.com",
        "all is well",
        &user.wire(),
        &user.to_string(),
        &session,
        &study,
        "0.9",
    ] {
        assert!(!request.contains(secret), "{secret} reached the model");
    }
}

#[tokio::test]
async fn without_a_usable_answer_the_fixed_texts_stay() {
    let (url, asked) = model(r#"{"choices": []}"#).await;
    let bench = Bench::with(&[
        ("OUTSCOUT_AGENT_PROVIDER", "openai"),
        ("OUTSCOUT_AGENT_MODEL", "a-model"),
        ("OUTSCOUT_AGENT_BASE_URL", &url),
    ])
    .await
    .unwrap();
    let team = Team::over(bench).await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    team.bench.advance(Duration::seconds(30));
    let clicks: Vec<_> = (0..4)
        .map(|n| json!({"eventType": "click", "targetSelector": "#pay", "timestamp": team.at(n * 100 - 20_000)}))
        .collect();
    team.tester("POST", "/api/data/events", &json!({"sessionId": session, "batch": clicks})).await;
    team.tester("POST", "/api/ai", &json!({"sessionId": session})).await;
    work(&team.bench).await;
    let seen = data(&team.tester("GET", &format!("/api/sessions/{session}"), &Value::Null).await);
    let summary = seen["analysis"]["insights"]["summary"].as_str().unwrap();
    assert!(summary.starts_with("1 moment found; frustration"), "{summary}");
    assert_eq!(asked.lock().unwrap().len(), 1);
}
