//! `Idempotency-Key` on every operation that honours it (openscouter 2.10, the K column of 4).

use harness::{
    Answer, Bench,
    openscouter::{
        bearer, data, error, get, person, post, send,
        team::{STUDY, Team},
        told, work,
    },
};
use serde_json::{Value, json};
use shared::model::Role;

#[tokio::test]
async fn what_is_repeated_under_a_key_is_done_once() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    person(&bench, Role::Business, "otto@example.com").await;
    let (dana, otto) = (bearer(&bench, "dana@example.com").await, bearer(&bench, "otto@example.com").await);
    let create = async |caller: &str, key: &str, name: &str| {
        let headers = [("authorization", caller), ("idempotency-key", key)];
        post(&bench, "/api/tokens", &headers, &json!({"name": name, "scopes": ["read"]})).await
    };
    let first = create(&dana, "7f0c", "CI").await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, ""));
    let again = create(&dana, "7f0c", "CI").await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"));
    assert_ne!(first.header("x-request-id"), again.header("x-request-id"));
    let (mut first, again) = (data(&first), data(&again));
    assert!(first["token"].take().as_str().unwrap().starts_with("osc_"));
    assert_eq!(first, again, "the secret is shown once");
    let other = create(&dana, "7f0c", "CD").await;
    assert_eq!(told(&other), (422, "Idempotency-Key: was used with a different payload".to_owned()));
    assert_eq!(create(&otto, "7f0c", "CI").await.header("idempotency-replayed"), "", "keys are the caller's own");
    for wrong in ["", "a b", &"x".repeat(256)] {
        let text = "Idempotency-Key: must be 1 to 255 visible ASCII characters";
        assert_eq!(told(&create(&dana, wrong, "CI").await), (422, text.to_owned()));
    }
    assert_eq!(create(&dana, "wrong", "").await.status, 422);
    assert_eq!(create(&dana, "wrong", "now right").await.status, 201, "only what succeeded is recorded");
    let calls = (0..10).map(|_| create(&dana, "parallel", "one"));
    let answers = futures_util::future::join_all(calls).await;
    let progress = "Idempotency-Key: a request with this key is in progress";
    assert!(answers.iter().all(|answer| answer.status == 201 || error(answer) == progress));
    let list = get(&bench, "/api/tokens", &dana).await.json();
    assert_eq!(list["metadata"]["total"], 3);
}

/// Everything in the main table.
async fn entities(bench: &Bench) -> Vec<String> {
    let items = bench.items("main").await.unwrap();
    // an item's attributes come in no order
    let sorted = |item: &String| {
        let mut attributes: Vec<_> = item.trim_matches(['{', '}']).split(", ").collect();
        for attribute in &mut attributes {
            *attribute = attribute.trim_matches('"');
        }
        attributes.sort_unstable();
        attributes.join("\n")
    };
    let mut items: Vec<_> = items.iter().map(sorted).collect();
    items.sort();
    items
}

/// Sends a request once, then again: the same answer and nothing done, then with another payload: refused. The answer.
async fn once(bench: &Bench, credential: Option<&str>, path: &str, body: &Value) -> Answer {
    bench.advance(time::Duration::seconds(1));
    let key = format!("key of {path}").replace(' ', "-");
    let mut headers = vec![("content-type", "application/json"), ("idempotency-key", key.as_str())];
    headers.extend(credential.map(|credential| ("authorization", credential)));
    let send = async |body: &Value| send(bench, "POST", path, &headers, &body.to_string()).await;
    let first = send(body).await;
    assert!((200..300).contains(&first.status), "{path}: {}", first.body);
    assert_eq!(first.header("idempotency-replayed"), "", "{path}");
    let before = entities(bench).await;
    bench.advance(time::Duration::seconds(1));
    let again = send(body).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (first.status, "true"), "{path}");
    assert_eq!(again.header("content-type"), "application/json", "{path}");
    let (mut shown, mut repeated) = (first.json(), again.json());
    if path == "/api/tokens" {
        // shown once
        assert!(shown["data"]["token"].take().is_string() && repeated["data"]["token"].take().is_null());
    }
    assert_eq!(repeated, shown, "{path}");
    let mut other = body.clone();
    other["another"] = json!("payload");
    let refused = send(&other).await;
    let text = "Idempotency-Key: was used with a different payload".to_owned();
    assert_eq!(told(&refused), (422, text), "{path}");
    assert!(entities(bench).await == before, "{path}: something was done twice");
    first
}

fn id(answer: &Answer, name: &str) -> String {
    data(answer)[name].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_operation_is_done_once_for_a_key() {
    let team = Team::start().await;
    let bench = &team.bench;
    let (owner, admin, tess) = (Some(&*team.owner), Some(&*team.admin), Some(&*team.tester));
    let sign_up = json!({"role": "business", "email": "new@example.com", "password": "long enough phrase",
        "fullName": "New", "companyName": "New"});
    once(bench, None, "/api/auth/sign-up", &sign_up).await;
    once(bench, owner, "/api/tokens", &json!({"name": "x", "scopes": ["read"]})).await;

    let body: Value = serde_json::from_str(STUDY).unwrap();
    let study = id(&once(bench, owner, "/api/jobs", &body).await, "jobId");
    team.owner("POST", &format!("/api/jobs/{study}/launch"), &Value::Null).await;
    let body = json!({"jobId": study, "testerId": team.user.id.wire()});
    let session = id(&once(bench, admin, "/api/sessions", &body).await, "sessionId");
    let path = |action: &str| format!("/api/sessions/{session}/{action}");
    let event = json!({"eventType": "click", "targetSelector": "#a", "timestamp": team.at(0)});
    let face = json!({"timestamp": team.at(0), "emotion": "neutral", "confidence": 0.9});
    let said = json!({"timestamp": team.at(0), "transcript": "hm"});
    for (stream, item) in [("events", event), ("facial", face), ("voice", said)] {
        let body = json!({"sessionId": session, "batch": [item]});
        once(bench, tess, &format!("/api/data/{stream}"), &body).await;
    }
    once(bench, tess, "/api/ai", &json!({"sessionId": session})).await;
    work(bench).await;
    team.tester("POST", &path("complete"), &json!({})).await;
    once(bench, admin, "/api/admin/approvals", &json!({"jobId": study})).await;
    once(bench, owner, &path("analyze"), &json!({})).await;
    work(bench).await;
    team.tester("POST", &path("confirm"), &Value::Null).await;
    once(bench, owner, &path("feedback"), &json!({"rating": 5})).await;
    once(bench, owner, "/api/reports", &json!({"sessionId": session})).await;
    work(bench).await;
    once(bench, owner, &format!("/api/reports/job/{study}"), &json!({})).await;
    work(bench).await;

    let quiz = json!({"passingScore": 70, "questions": [{"text": "?", "correctOptionId": "a", "points": 1,
        "options": [{"id": "a", "text": "x"}, {"id": "b", "text": "y"}]}]});
    assert_eq!(id(&once(bench, admin, "/api/admin/quiz", &quiz).await, "quizId"), "quiz_v2");
    person(bench, Role::Tester, "penny@example.com").await;
    let penny = bearer(bench, "penny@example.com").await;
    let attempt = json!({"quizId": "quiz_v2", "answers": [{"questionId": "q_001", "optionId": "b"}]});
    once(bench, Some(&penny), "/api/testers/quiz/attempts", &attempt).await;
    once(bench, Some(&penny), "/api/me/consents", &json!({"kind": "testing", "version": "v1.1"})).await;
    once(bench, Some(&penny), "/api/me/exports", &json!({})).await;
    once(bench, Some(&penny), "/api/me/erasure", &json!({"confirm": "ERASE"})).await;
}
