//! What the calls of a running session cost: steps that wait for one another (openscouter 21).

use harness::{
    Bench,
    cost::measured,
    log,
    openscouter::{
        send,
        team::{Team, tester},
    },
};
use serde_json::{Value, json};
use shared::model::StudyId;

/// The status, and how many calls of the store waited for one another.
async fn steps(bench: &Bench, credential: &str, (method, path): (&str, &str), body: &Value) -> (u64, u64) {
    bench.advance(time::Duration::seconds(1));
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let (answer, cost) = measured(async |id| {
        let headers = [("authorization", credential), ("x-request-id", id), ("content-type", "application/json")];
        send(bench, method, path, &headers, &body).await
    })
    .await;
    (answer.status, cost.sequential)
}

#[tokio::test]
async fn a_running_session_is_asked_about_in_few_steps() {
    log();
    let team = Team::start().await;
    let bench = &team.bench;
    let study = team.study(&json!({"targeting": {"countries": ["US"], "testerCount": 9}})).await;
    team.session(&study).await;
    let (other, credential) = tester(bench, "terry@example.com").await;
    let body = json!({"jobId": study, "testerId": other.id.wire()});
    let (status, created) = steps(bench, &team.admin, ("POST", "/api/sessions"), &body).await;
    // the place, the session and the lists that show it to its creator at once
    assert!(status == 201 && created <= 13, "{created}");
    let study = StudyId::from_wire(&study).unwrap();
    let session = bench.context.store().test_session_of(study, other.id).await.unwrap().unwrap().wire();
    let path = format!("/api/sessions/{session}");
    let read = async |credential: &str| steps(bench, credential, ("GET", &path), &Value::Null).await;
    for credential in [&team.owner, &team.admin, &credential] {
        let (status, steps) = read(credential).await;
        assert!(status == 200 && steps <= 2, "{steps}");
    }
    let body = json!({"sessionId": session});
    // a new job, and the one that is not done yet
    for _ in 0..2 {
        let (status, steps) = steps(bench, &credential, ("POST", "/api/ai"), &body).await;
        assert!(status == 202 && steps <= 3, "{steps}");
    }
    let (status, steps) = read(&team.owner).await;
    assert!(status == 200 && steps <= 3, "with its job: {steps}");
}

/// Not a rule: what `bench/run-cost` compares all functions with.
#[tokio::test]
async fn the_least_function_is_noted_beside_the_others() {
    let bench = Bench::start().await.unwrap();
    for _ in 0..15 {
        let process = bench.another_process();
        for _ in 0..20 {
            if !process.hello().await.unwrap() {
                return;
            }
        }
    }
}
