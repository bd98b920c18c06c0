//! The states of a study, and the calls that move it (openscouter 5.1, 9.4).

use futures_util::future::join_all;
use harness::openscouter::{
    data, missing, refused, send,
    studies::{body, draft, moved},
    team::Team,
    told,
};
use serde_json::{Value, json};
use shared::model::Status;

/// A study of the owner in a state.
async fn in_state(team: &Team, status: Status) -> String {
    let (_, path) = draft(team, &body()).await;
    let act = async |name: &str| {
        let answer = team.owner("POST", &format!("{path}/{name}"), &Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    if status != Status::Draft {
        act("launch").await;
    }
    match status {
        Status::Draft | Status::Open => {}
        Status::Closed => act("close").await,
        Status::Paused => {
            assert_eq!(team.owner("PATCH", &path, &json!({"status": "paused"})).await.status, 200);
        }
        Status::InProgress | Status::Completed => moved(team, &path, status).await,
    }
    path
}

#[tokio::test]
async fn every_call_in_every_state() {
    const LATE: &str = "draft, open, in_progress or paused";
    const ENDED: &str = "draft, open, in_progress, paused or completed";
    let team = Team::start().await;
    let calls = [
        ("PATCH", "", json!({"status": "paused"})),
        ("PATCH", "", json!({"status": "open"})),
        ("PATCH", "", json!({"title": "Another title"})),
        ("POST", "/launch", Value::Null),
        ("POST", "/close", Value::Null),
        ("DELETE", "", Value::Null),
    ];
    // the state after each call, or the states that it expects
    let table = [
        (Status::Draft, [Err("open or in_progress"), Err("paused"), Ok("draft"), Ok("open"), Ok("closed"), Ok("gone")]),
        (Status::Open, [Ok("paused"), Ok("open"), Ok("open"), Err("draft"), Ok("closed"), Err("draft")]),
        (
            Status::InProgress,
            [Ok("paused"), Ok("in_progress"), Ok("in_progress"), Err("draft"), Ok("closed"), Err("draft")],
        ),
        (Status::Paused, [Ok("paused"), Ok("open"), Ok("paused"), Err("draft"), Ok("closed"), Err("draft")]),
        (Status::Completed, [Err(LATE), Err(LATE), Err(LATE), Err("draft"), Ok("closed"), Err("draft")]),
        (Status::Closed, [Err(LATE), Err(LATE), Err(LATE), Err("draft"), Err(ENDED), Err("draft")]),
    ];
    for (status, outcomes) in table {
        for ((method, action, body), outcome) in calls.iter().zip(outcomes) {
            let path = in_state(&team, status).await;
            let before = data(&team.owner("GET", &path, &Value::Null).await);
            assert_eq!(before["status"], status.as_str());
            let answer = team.owner(method, &format!("{path}{action}"), body).await;
            let after = team.owner("GET", &path, &Value::Null).await;
            match outcome {
                Ok("gone") => {
                    assert_eq!(data(&answer), json!({"jobId": before["jobId"], "deleted": true}));
                    assert_eq!(told(&after), missing("Study"));
                }
                Ok(next) => {
                    assert_eq!(data(&answer)["status"], next, "{status:?} {method} {action} {body}");
                    assert_eq!(data(&answer), data(&after));
                }
                Err(expected) => {
                    let text = format!("Study is {}, expected {expected}", status.as_str());
                    assert_eq!(told(&answer), refused(&text), "{method} {action} {body}");
                    assert_eq!(data(&after), before, "nothing was written");
                }
            }
        }
    }
}

#[tokio::test]
async fn of_concurrent_calls_one_succeeds() {
    let team = Team::start().await;
    let headers = [("authorization", team.owner.as_str())];
    let (_, path) = draft(&team, &body()).await;
    let url = format!("{path}/launch");
    let launches = join_all((0..6).map(|_| send(&team.bench, "POST", &url, &headers, ""))).await;
    let (won, lost): (Vec<_>, Vec<_>) = launches.iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|answer| told(answer) == refused("Study is open, expected draft")));
    let (_, path) = draft(&team, &body()).await;
    let deletes = join_all((0..6).map(|_| send(&team.bench, "DELETE", &path, &headers, ""))).await;
    let (won, lost): (Vec<_>, Vec<_>) = deletes.iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|answer| told(answer) == missing("Study")));
}
