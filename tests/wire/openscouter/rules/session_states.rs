//! The states of a session, and the calls that move it (openscouter 5.2, 10).

use harness::openscouter::{data, refused, team::Team, told};
use serde_json::{Value, json};
use shared::model::{TestSessionId, TestStatus};

/// Puts a session into a state, as the store does it.
async fn put_into(team: &Team, id: &str, status: TestStatus) {
    let store = team.bench.context.store();
    let id = TestSessionId::from_wire(id).unwrap();
    let now = team.bench.context.clock().now();
    let current = store.test_session(id).await.unwrap().unwrap();
    let next = current.with(|next| {
        next.status = status;
        next.completed_at = (!status.is_running()).then_some(current.created_at);
    });
    assert!(store.change_test_session(&current, &next, None, now).await.unwrap());
}

#[tokio::test]
async fn every_state_and_every_call() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    team.approve(&study).await;
    let path = format!("/api/sessions/{session}");
    for status in TestStatus::ALL {
        let of = |expected: &str| Some(format!("Session is {}, expected {expected}", status.as_str()));
        let running = status.is_running();
        let calls = [
            ("POST", "pause", (status != TestStatus::Active).then(|| of("active")).flatten()),
            ("POST", "resume", (status != TestStatus::Paused).then(|| of("paused")).flatten()),
            (
                "POST",
                "complete",
                (!running && status != TestStatus::Completed).then(|| of("active or paused")).flatten(),
            ),
            (
                "POST",
                "confirm",
                (!matches!(status, TestStatus::Analyzed | TestStatus::Confirmed)).then(|| of("analyzed")).flatten(),
            ),
            (
                "PUT",
                "notes",
                (status == TestStatus::Confirmed).then(|| of("active, paused, completed or analyzed")).flatten(),
            ),
        ];
        for (method, call, refusal) in calls {
            put_into(&team, &session, status).await;
            let body = if call == "notes" { json!({"notes": []}) } else { json!({}) };
            let answer = team.tester(method, &format!("{path}/{call}"), &body).await;
            match refusal {
                Some(text) => assert_eq!(told(&answer), refused(&text), "{call}"),
                None => assert_eq!(answer.status, 200, "{call} {}: {}", status.as_str(), answer.body),
            }
        }
        put_into(&team, &session, status).await;
        let analyze = team.owner("POST", &format!("{path}/analyze"), &Value::Null).await;
        match status {
            TestStatus::Completed => assert_eq!(analyze.status, 202),
            _ => assert_eq!(told(&analyze), refused(&of("completed").unwrap())),
        }
        let snapshot = team.owner("POST", "/api/ai", &json!({"sessionId": session})).await;
        match status {
            TestStatus::Active => assert_eq!(snapshot.status, 202),
            _ => assert_eq!(told(&snapshot), refused(&of("active").unwrap())),
        }
        for stream in ["events", "facial", "voice"] {
            let sent =
                team.tester("POST", &format!("/api/data/{stream}"), &json!({"sessionId": session, "batch": []})).await;
            match running {
                true => assert_eq!(sent.status, 200),
                false => assert_eq!(told(&sent), refused(&of("active or paused").unwrap())),
            }
        }
        let report = team.owner("POST", "/api/reports", &json!({"sessionId": session})).await;
        match status {
            TestStatus::Confirmed => assert_eq!(report.status, 202),
            _ => assert_eq!(told(&report), refused("Session notes are not confirmed")),
        }
        let feedback = team.owner("POST", &format!("{path}/feedback"), &json!({"rating": 4})).await;
        match status {
            TestStatus::Active | TestStatus::Paused => {
                assert_eq!(told(&feedback), refused(&of("completed, analyzed or confirmed").unwrap()));
            }
            TestStatus::Completed => assert_eq!(feedback.status, 201),
            _ => assert_eq!(told(&feedback), refused("Feedback was already given")),
        }
    }
    let feedback = team.tester("POST", &format!("{path}/feedback"), &json!({"rating": 5, "comment": " fine "})).await;
    assert_eq!((&data(&feedback)["authorRole"], &data(&feedback)["comment"]), (&json!("tester"), &json!("fine")));
    for (body, text) in [
        (json!({}), "rating: is required"),
        (json!({"rating": 6}), "rating: must be at most 5"),
        (json!({"rating": "5"}), "rating: must be an integer"),
    ] {
        assert_eq!(told(&team.owner("POST", &format!("{path}/feedback"), &body).await), refused(text));
    }
}
