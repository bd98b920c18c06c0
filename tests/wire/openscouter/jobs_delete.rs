//! `DELETE /api/jobs/:id`: a draft goes (openscouter 9).

use harness::{
    faults::Fault,
    openscouter::{
        data, missing, read, refused,
        studies::{body, draft, id_of, paid},
        team::Team,
        told, work,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::Payment;

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
        assert_eq!(told(&answer), missing("Study"), "{call:?}");
    }
    for caller in [&team.owner, &team.admin] {
        assert_eq!(read(&team.bench, caller, "/api/jobs").await.json()["metadata"]["total"], 0);
    }
    work(&team.bench).await;
    let approvals = read(&team.bench, &team.admin, "/api/admin/approvals").await.json();
    assert_eq!(approvals["metadata"]["total"], 0);
    let id = id_of(&path).to_string();
    let items = team.bench.items("main").await.unwrap();
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
    // the process dies right after the deletion was written
    team.bench.faults.every(1, Fault::Slow(100));
    let deleting = tokio::spawn({
        let (store, study, now) = (store.clone(), study.clone(), team.bench.context.clock().now());
        async move { store.delete_draft(study, now, &|_| Ok::<_, std::convert::Infallible>(())).await }
    });
    while store.linked_study(study.id).await.unwrap().is_some() {}
    deleting.abort();
    team.bench.faults.stop();
    work(&team.bench).await;
    for caller in [&team.owner, &team.admin] {
        assert_eq!(read(&team.bench, caller, "/api/jobs").await.json()["metadata"]["total"], 0);
    }
    let items = team.bench.items("main").await.unwrap();
    assert!(!items.iter().any(|item| item.contains(&study.id.to_string())), "nothing is left");
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let (_, path) = draft(&team, &body()).await;
    let answer = team.owner("DELETE", &path, &Value::Null).await;
    snapshot!("jobs-delete", &answer);
}
