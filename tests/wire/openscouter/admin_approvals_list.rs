//! `GET /api/admin/approvals`: approvals, newest first (openscouter 17).

use harness::{
    Bench, log,
    openscouter::{bearer, cost, read, team::Team},
    snapshot,
};
use serde_json::{Value, json};
use shared::model::{Action, Approval, ApprovalId, AuditEntry, StudyId, UserId};
use time::{Duration, OffsetDateTime};

async fn approve_at(bench: &Bench, study: StudyId, at: OffsetDateTime, end: OffsetDateTime) {
    let id = ApprovalId::at(at);
    let approval = Approval {
        id,
        study,
        approved_by: UserId::at(at),
        reason: None,
        created_at: at,
        expires_at: end,
        revoked_at: None,
    };
    let audit = AuditEntry::of_operator(Action::ApprovalCreated, Some(id.wire()), json!({}), at);
    bench.context.store().create_approval(&approval, &audit).await.unwrap();
}

#[tokio::test]
async fn approvals_that_ended_are_told_at_once_at_any_depth() {
    log();
    const MANY: i64 = 300;
    let team = Team::start().await;
    let (bench, store) = (&team.bench, team.bench.context.store());
    let (study, other) = (team.study(&json!({})).await, team.study(&json!({})).await);
    let ids = [&study, &other].map(|id| StudyId::from_wire(id).unwrap());
    let began = bench.context.clock().now();
    for number in 0..MANY {
        let at = began + Duration::milliseconds(number);
        // every tenth one ends soon
        let end = at + if number % 10 == 3 { Duration::minutes(1) } else { Duration::days(7) };
        approve_at(bench, ids[usize::from(number % 3 == 0)], at, end).await;
    }
    let admin = bearer(bench, "ann@example.com").await;
    let page = async |query: &str| {
        let answer = read(bench, &admin, &format!("/api/admin/approvals?{query}")).await.json();
        let rows = answer["data"].as_array().unwrap().clone();
        let ids: Vec<_> = rows.iter().map(|row| row["approvalId"].as_str().unwrap().to_owned()).collect();
        (ids, answer["metadata"]["total"].as_u64().unwrap())
    };
    // every list by its pages, before and after the sweep
    let lists = async || {
        let mut lists = Vec::new();
        for filter in [
            "active=true",
            "active=false",
            &format!("active=true&jobId={study}"),
            &format!("active=false&jobId={other}"),
        ] {
            let (mut all, mut number) = (Vec::new(), 1);
            loop {
                let (ids, total) = page(&format!("{filter}&limit=40&page={number}")).await;
                if ids.is_empty() {
                    assert_eq!(all.len() as u64, total, "{filter}");
                    break;
                }
                all.extend(ids);
                number += 1;
            }
            assert!(all.is_sorted_by(|left, right| left > right), "{filter}: newest first");
            lists.push(all);
        }
        lists
    };
    assert_eq!(page("active=true&limit=1").await.1, 300);
    bench.advance(Duration::minutes(2));
    let told = lists().await;
    let counts: Vec<_> = told.iter().map(Vec::len).collect();
    assert_eq!(counts, [270, 30, 180, 10]);
    for query in ["", "active=true&", "active=false&"] {
        let first = cost(bench, &admin, &format!("/api/admin/approvals?{query}limit=10&page=1")).await;
        let depth = if query == "active=false&" { 3 } else { 27 };
        let deep = cost(bench, &admin, &format!("/api/admin/approvals?{query}limit=10&page={depth}")).await;
        assert!(
            deep.items_read <= first.items_read + 10 && deep.sequential <= first.sequential + 2,
            "{query}: {first:?} {deep:?}"
        );
        assert!(deep.sequential <= 8, "{query}: {deep:?}");
    }
    let now = bench.context.clock().now();
    assert_eq!(store.retire_approvals(now, 25).await.unwrap(), (25, 0));
    assert_eq!(lists().await, told, "in the middle of a sweep");
    assert_eq!(store.retire_approvals(now, 25).await.unwrap(), (5, 0));
    assert_eq!(store.retire_approvals(now, 25).await.unwrap(), (0, 0));
    assert_eq!(lists().await, told, "after it");
    let open = store.current_approval(ids[0], now).await.unwrap();
    assert!(open.is_some());
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    team.approve(&study).await;
    let answer = team.admin("GET", "/api/admin/approvals?active=true", &Value::Null).await;
    snapshot!("admin-approvals-list", &answer);
}
