//! `GET /api/admin/audit`: the audit trail (openscouter 17).

use harness::{
    Bench, log,
    openscouter::{bearer, cost, data, get, person, post, send, team::Team, work},
    snapshot,
};
use serde_json::{Value, json};
use shared::{
    model::{Action, AuditEntry, Role},
    store::{AuditFilter, Drained, SharedList},
};
use time::Duration;

#[tokio::test]
async fn the_audit_trail() {
    let bench = Bench::start().await.unwrap();
    let admin = person(&bench, Role::Admin, "ann@example.com").await;
    let dana = person(&bench, Role::Business, "dana@example.com").await;
    let ann = bearer(&bench, "ann@example.com").await;
    let began = bench.context.clock().now();
    bench.advance(Duration::seconds(10));
    let access = bearer(&bench, "dana@example.com").await;
    let headers = [("authorization", access.as_str()), ("x-request-id", "the-request-id")];
    let made = post(&bench, "/api/tokens", &headers, &json!({"name": "x", "scopes": ["read"]})).await;
    let token = data(&made)["tokenId"].as_str().unwrap().to_owned();
    bench.advance(Duration::seconds(10));
    send(&bench, "DELETE", &format!("/api/tokens/{token}"), &headers, "").await;
    assert_eq!(get(&bench, "/api/admin/audit", &access).await.status, 403);
    bench.advance(Duration::seconds(10));
    post(&bench, "/api/auth/sign-out", &[("authorization", &access)], &json!({})).await;
    // no work has run: what was recorded before the call is listed all the same
    let list = async |query: &str| {
        let answer = get(&bench, &format!("/api/admin/audit?{query}"), &ann).await;
        let actions: Vec<_> = answer.json()["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["action"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(answer.json()["metadata"]["total"], actions.len());
        actions
    };
    let all = ["auth.sign_out", "access.refused", "token.revoked", "token.issued", "auth.sign_in", "auth.sign_in"];
    let mut listed = list("").await;
    listed[1..3].sort();
    assert_eq!(listed, all);
    assert_eq!(list(&format!("actorId={}", dana.id.wire())).await.len(), 5);
    assert_eq!(list(&format!("actorId={}", admin.id.wire())).await, ["auth.sign_in"]);
    assert_eq!(list(&format!("objectId={token}")).await, ["token.revoked", "token.issued"]);
    assert_eq!(list(&format!("objectId={token}&action=token.issued")).await, ["token.issued"]);
    assert_eq!(list(&format!("actorId={}&action=auth.sign_in", dana.id.wire())).await, ["auth.sign_in"]);
    for nothing in ["actorId=user_1", "objectId=x", "actorId=user_01k8ybdf00e8nrtzq2qw3d80n2"] {
        assert!(list(nothing).await.is_empty(), "{nothing}");
    }
    assert!(list("action=quiz.published").await.is_empty());
    assert!(list(&format!("objectId={}", "x".repeat(5_000))).await.is_empty());
    let at = |seconds: i64| {
        let time = began + Duration::seconds(seconds);
        time.format(&time::format_description::well_known::Rfc3339).unwrap().replace('+', "%2B")
    };
    assert_eq!(list(&format!("from={}&to={}", at(5), at(15))).await, ["token.issued", "auth.sign_in"]);
    assert_eq!(list(&format!("from={}", at(25))).await, ["auth.sign_out"]);
    assert_eq!(list(&format!("to={}", at(5))).await, ["auth.sign_in"]);
    let row = &get(&bench, "/api/admin/audit?action=token.issued", &ann).await.json()["data"][0];
    let members: Vec<_> = row.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["auditId", "action", "actorId", "actorRole", "objectId", "detail", "requestId", "at"]);
    assert_eq!(row["actorRole"], "business");
    let shown = row["at"].as_str().unwrap();
    let then = format!("action=token.issued&from={shown}&to={shown}");
    assert_eq!(list(&then).await, ["token.issued"], "the second that it is printed with");
    let id = row["requestId"].as_str().unwrap();
    assert!(id != "the-request-id" && id.len() == 36, "ours, whatever the client names: {id}");
    for (query, status) in [("from=yesterday", 400), ("page=0", 400), ("action=nothing", 422)] {
        assert_eq!(get(&bench, &format!("/api/admin/audit?{query}"), &ann).await.status, status, "{query}");
    }
    let page = get(&bench, "/api/admin/audit?limit=4&page=2", &ann).await.json();
    assert_eq!(
        (page["data"].as_array().unwrap().len(), &page["metadata"]),
        (2, &json!({"page": 2, "limit": 4, "total": 6}))
    );
    work(&bench).await;
    assert_eq!(list("").await.len(), 6, "ranked once, however often the work runs");
}

#[tokio::test]
async fn decisions_are_in_the_trail() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let approval = team.approve(&study).await;
    for _ in 0..2 {
        team.admin("DELETE", &format!("/api/admin/approvals/{approval}"), &Value::Null).await;
    }
    let give = json!({"kind": "special_category", "version": "v1.1"});
    for _ in 0..2 {
        team.tester("POST", "/api/me/consents", &give).await;
    }
    let never = team.admin("GET", "/api/me/consents", &Value::Null).await;
    assert_eq!(never.status, 403);
    for _ in 0..2 {
        team.tester("DELETE", "/api/me/consents/special_category", &Value::Null).await;
    }
    work(&team.bench).await;
    let trail = async |query: &str| {
        let answer = team.admin("GET", &format!("/api/admin/audit?{query}"), &Value::Null).await;
        data(&answer).as_array().unwrap().clone()
    };
    let tester = team.user.id.wire();
    for (action, object, detail, role) in [
        ("quiz.published", "quiz_v1", json!({}), "admin"),
        ("approval.created", &*approval, json!({"jobId": study}), "admin"),
        ("approval.revoked", &*approval, json!({}), "admin"),
        ("consent.given", &*tester, json!({"kind": "special_category", "version": "v1.1"}), "tester"),
        ("consent.revoked", &*tester, json!({"kind": "special_category"}), "tester"),
    ] {
        let found = trail(&format!("action={action}&objectId={object}")).await;
        let found: Vec<_> = found.iter().filter(|row| row["detail"] == detail).collect();
        assert_eq!(found.len(), 1, "{action}: once, however often it was asked for");
        assert_eq!(found[0]["actorRole"], role, "{action}");
    }
}

#[tokio::test]
async fn the_trail_is_kept_for_two_years_and_costs_the_same_at_any_depth() {
    log();
    const MANY: i64 = 300;
    let bench = Bench::start().await.unwrap();
    let ann = person(&bench, Role::Admin, "ann@example.com").await;
    let store = bench.context.store();
    let began = bench.context.clock().now();
    let record = |number: i64| {
        let at = began + Duration::milliseconds(number);
        AuditEntry {
            actor: Some(ann.id),
            role: Some(Role::Admin),
            ..AuditEntry::of_operator(Action::QuizPublished, Some(format!("quiz_v{}", number % 2)), json!({}), at)
        }
    };
    for number in 0..MANY {
        store.record(&record(number)).await.unwrap();
    }
    work(&bench).await;
    let admin = bearer(&bench, "ann@example.com").await;
    for query in ["", "action=quiz.published&", "objectId=quiz_v1&"] {
        let last = if query.starts_with("object") { 15 } else { 30 };
        let first = cost(&bench, &admin, &format!("/api/admin/audit?{query}limit=10&page=1")).await;
        let deep = cost(&bench, &admin, &format!("/api/admin/audit?{query}limit=10&page={last}")).await;
        assert!(
            deep.items_read <= first.items_read + 5 && deep.sequential <= first.sequential + 1 && deep.sequential <= 5,
            "{query}: {first:?} {deep:?}"
        );
    }
    let total = async |action: Option<Action>, object: Option<&str>| {
        let filter = AuditFilter { action, object: object.map(str::to_owned), ..AuditFilter::default() };
        store.audit_page(&filter, 0, 1, bench.context.clock().now()).await.unwrap().total
    };
    bench.advance(Duration::days(729));
    let late = record(729 * 86_400_000);
    store.record(&late).await.unwrap();
    store.leave_to_drainer(SharedList::Audit, "late", &late.id.to_string()).await.unwrap();
    let clock = bench.context.clock();
    let drained = store.drain(SharedList::Audit, clock, clock.now() + Duration::seconds(30)).await;
    assert_eq!(drained.unwrap(), Drained::All);
    assert_eq!(store.forget_audit(bench.context.clock().now(), 1_000).await.unwrap(), (0, 0));
    bench.advance(Duration::days(2));
    let now = bench.context.clock().now();
    let stored = async |what: &str| {
        let items = bench.items("main").await.unwrap();
        items.iter().filter(|item| item.contains("S(\"AUDIT#") && item.contains(what)).count()
    };
    let before = stored("").await;
    assert_eq!(store.forget_audit(now, 100).await.unwrap(), (100, 0));
    assert_eq!(stored("").await, before - 100, "a slice at a time");
    assert_eq!(total(Some(Action::QuizPublished), None).await, 1, "what is over is not shown until then");
    for _ in 0..3 {
        store.forget_audit(now, 100).await.unwrap();
    }
    assert_eq!(store.forget_audit(now, 100).await.unwrap(), (0, 0));
    assert_eq!((total(Some(Action::QuizPublished), None).await, total(None, Some("quiz_v1")).await), (1, 0));
    assert_eq!(stored("quiz.published").await, 1, "a record goes with its places");
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    work(&team.bench).await;
    let answer = team.admin("GET", "/api/admin/audit?action=quiz.published", &Value::Null).await;
    snapshot!("admin-audit", &answer);
}
