//! A study's calls while the store throttles, conflicts and loses answers: each succeeds, and its effect happens once.

use harness::{
    faults::Fault,
    openscouter::{
        data, missing, read,
        studies::{body, draft, largest},
        team::Team,
        told, work,
    },
};
use serde_json::{Value, json};

async fn flow(fault: Fault) {
    let team = Team::start().await;
    team.bench.faults.every(if fault == Fault::Conflict { 2 } else { 5 }, fault);
    // a lost answer can be that of a transaction of many parts
    let second = if fault == Fault::LostAnswer { largest() } else { body() };
    for body in [body(), second] {
        let (made, path) = draft(&team, &body).await;
        for number in 0..3 {
            let title = json!({"title": format!("Title {number}"), "tasks": [{"title": "t", "description": "d", "order": number + 1}]});
            let patched = data(&team.owner("PATCH", &path, &title).await);
            assert_eq!(patched["title"], title["title"], "{fault:?}");
        }
        let back = data(&team.owner("PATCH", &path, &json!({"tasks": body["tasks"]})).await);
        assert!(back["tasks"][0]["title"] == made["tasks"][0]["title"], "{fault:?}");
        for (method, action, change) in [
            ("POST", "/launch", Value::Null),
            ("PATCH", "", json!({"status": "paused"})),
            ("PATCH", "", json!({"status": "open"})),
            ("POST", "/close", Value::Null),
        ] {
            let answer = team.owner(method, &format!("{path}{action}"), &change).await;
            assert_eq!(answer.status, 200, "{fault:?} {action}: {}", told(&answer).1);
        }
        let (made, path) = draft(&team, &body).await;
        let deleted = team.owner("DELETE", &path, &Value::Null).await;
        assert_eq!(data(&deleted), json!({"jobId": made["jobId"], "deleted": true}), "{fault:?}");
        assert_eq!(told(&team.owner("DELETE", &path, &Value::Null).await), missing("Study"), "{fault:?}");
    }
    assert!(team.bench.faults.stop() > 0, "{fault:?} never happened");
    work(&team.bench).await;
    for caller in [&team.owner, &team.admin] {
        for (query, total) in [("", 2), ("&status=closed", 2), ("&status=draft", 0), ("&status=open", 0)] {
            let list = read(&team.bench, caller, &format!("/api/jobs?limit=1{query}")).await.json();
            assert_eq!(list["metadata"]["total"], total, "{fault:?} {query}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn throttled() {
    flow(Fault::Throttled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_conflict() {
    flow(Fault::Conflict).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_answers() {
    flow(Fault::LostAnswer).await;
}
