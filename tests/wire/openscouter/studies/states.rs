//! The states of a study, and the calls that move it (openscouter 5.1, 9.4).

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::model::{Payment, Status};

use super::{
    super::{
        data,
        research::{Team, get},
        send, told, work,
    },
    alter, body, draft, id_of, missing, moved, paid, refused, with,
};

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
                    assert_eq!(told(&after), missing());
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
async fn a_pause_leads_back_to_where_the_sessions_are() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let path = format!("/api/jobs/{study}");
    let patch = async |status: &str| data(&team.owner("PATCH", &path, &json!({"status": status})).await);
    let launched = data(&team.owner("GET", &path, &Value::Null).await);
    assert_eq!((&launched["status"], &launched["paymentStatus"]), (&json!("open"), &json!("exempt")));
    assert!(launched["launchedAt"].is_string());
    let paused = patch("paused").await;
    assert_eq!(patch("paused").await, paused, "a repeated call changes nothing");
    assert_eq!(patch("open").await["status"], "open");
    team.session(&study).await;
    assert_eq!(patch("paused").await["status"], "paused");
    let resumed = patch("open").await;
    assert_eq!((&resumed["status"], &resumed["progress"]["sessions"]), (&json!("in_progress"), &json!(1)));
    assert_eq!(patch("open").await, resumed);
    assert_eq!(resumed["launchedAt"], launched["launchedAt"]);
    let closed = data(&team.owner("POST", &format!("{path}/close"), &Value::Null).await);
    assert!(closed["closedAt"].is_string());
}

#[tokio::test]
async fn a_launch_needs_completeness_and_then_payment() {
    let team = Team::start().await;
    let (made, path) = draft(&team, &with("/compensation", json!("gone"))).await;
    let launch = async || team.owner("POST", &format!("{path}/launch"), &Value::Null).await;
    let organization = format!("/api/admin/organizations/{}", made["organizationId"].as_str().unwrap());
    let exempt = async |exempt: bool| {
        assert_eq!(team.admin("PATCH", &organization, &json!({"billingExempt": exempt})).await.status, 200);
    };
    exempt(false).await;
    let whole = alter(&team, &path, |study| {
        let mut next = study.changed_at(study.updated_at);
        next.details.description = String::new();
        next.details.targeting.countries = Vec::new();
        next.tasks = Vec::new();
        next
    })
    .await;
    assert_eq!(whole.status, Status::Draft);
    for (field, value) in [
        ("description", json!("Find barriers.")),
        ("tasks", json!([{"title": "Pay", "description": "Buy."}])),
        ("targeting", json!({"countries": ["US"]})),
        ("compensation", json!({"amount": 15})),
    ] {
        let name = if field == "targeting" { "targeting.countries" } else { field };
        assert_eq!(told(&launch().await), refused(&format!("{name}: is required to launch")));
        assert_eq!(team.owner("PATCH", &path, &json!({ field: value })).await.status, 200);
    }
    for payment in [Payment::Unpaid, Payment::Pending] {
        paid(&team, &path, payment).await;
        assert_eq!(told(&launch().await), refused("Study payment is not confirmed"));
    }
    paid(&team, &path, Payment::Paid).await;
    let launched = data(&launch().await);
    assert_eq!((&launched["status"], &launched["paymentStatus"]), (&json!("open"), &json!("paid")));
    // who need not pay and paid has paid
    let (_, other) = draft(&team, &body()).await;
    exempt(true).await;
    paid(&team, &other, Payment::Paid).await;
    let launched = data(&team.admin("POST", &format!("{other}/launch"), &Value::Null).await);
    assert_eq!(launched["paymentStatus"], "paid");
    let (_, third) = draft(&team, &body()).await;
    let launched = data(&team.admin("POST", &format!("{third}/launch"), &Value::Null).await);
    assert_eq!(launched["paymentStatus"], "exempt", "by the study's organization, not the admin's");
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
    assert!(lost.iter().all(|answer| told(answer) == missing()));
}

#[tokio::test]
async fn a_draft_goes_with_all_that_hangs_on_it() {
    let team = Team::start().await;
    let (made, path) = draft(&team, &body()).await;
    work(&team.bench).await;
    let study = made["jobId"].as_str().unwrap();
    team.approve(study).await;
    let withdrawn = team.approve(study).await;
    assert_eq!(team.admin("DELETE", &format!("/api/admin/approvals/{withdrawn}"), &Value::Null).await.status, 200);
    paid(&team, &path, Payment::Paid).await;
    assert_eq!(told(&team.owner("DELETE", &path, &Value::Null).await), refused("Study is already paid"));
    paid(&team, &path, Payment::Unpaid).await;
    let deleted = team.owner("DELETE", &path, &Value::Null).await;
    assert_eq!(data(&deleted), json!({"jobId": made["jobId"], "deleted": true}));
    for call in [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/launch"), ("POST", "/close")] {
        let answer = team.owner(call.0, &format!("{path}{}", call.1), &Value::Null).await;
        assert_eq!(told(&answer), missing(), "{call:?}");
    }
    for caller in [&team.owner, &team.admin] {
        assert_eq!(get(&team.bench, caller, "/api/jobs").await.json()["metadata"]["total"], 0);
    }
    work(&team.bench).await;
    let approvals = get(&team.bench, &team.admin, "/api/admin/approvals").await.json();
    assert_eq!(approvals["metadata"]["total"], 0);
    let id = id_of(&path).to_string();
    let context = &team.bench.context;
    let items = harness::stored(context.settings(), &team.bench.faults.endpoint, "main").await.unwrap();
    let left: Vec<_> = items.iter().filter(|item| item.contains(&id)).collect();
    assert!(left.is_empty(), "{left:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_was_cut_off_is_finished_by_work() {
    let team = Team::start().await;
    let (_, path) = draft(&team, &body()).await;
    work(&team.bench).await;
    let store = team.bench.context.store().clone();
    let study = store.linked_study(id_of(&path)).await.unwrap().unwrap();
    let now = team.bench.context.clock().now();
    // the process dies right after the deletion was written
    team.bench.faults.every(1, harness::faults::Fault::Slow(100));
    let deleting = tokio::spawn({
        let (store, study) = (store.clone(), study.clone());
        async move { store.delete_draft(study, &|_| Ok::<_, std::convert::Infallible>(()), now).await }
    });
    while store.linked_study(study.id).await.unwrap().is_some() {}
    deleting.abort();
    team.bench.faults.stop();
    work(&team.bench).await;
    for caller in [&team.owner, &team.admin] {
        assert_eq!(get(&team.bench, caller, "/api/jobs").await.json()["metadata"]["total"], 0);
    }
    let context = &team.bench.context;
    let items = harness::stored(context.settings(), &team.bench.faults.endpoint, "main").await.unwrap();
    assert!(!items.iter().any(|item| item.contains(&study.id.to_string())), "nothing is left");
}
