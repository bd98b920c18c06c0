//! Every route of Outset as every kind of caller: `coverage.golden`.

use std::fmt::Write as _;

use harness::{
    Bench,
    functions::{Api, resources, routed},
    golden::{METHODS, golden},
    openscouter::{person, work},
};
use shared::model::{Action, AuditEntry, Plan, Role, Scope};
use time::Duration;

/// The path of a resource with its parameters filled in.
fn filled(resource: &str) -> String {
    let path = resource
        .replace("{id}", "0b5e7c1a-4d2f-4e8c-9a6b-000000000002")
        .replace("{session}", &"A".repeat(43))
        .replace("{proxy+}", "x/y");
    assert!(!path.contains('{'), "a parameter that this test does not know: {resource}");
    if path.ends_with('/') { path } else { path + "/" }
}

/// The key of an organization whose account was deleted. Nothing else that a person does ends one: an organization's keys
/// are the operator's.
async fn key_of_before_an_erasure(bench: &Bench) -> String {
    let user = person(bench, Role::Business, "erased@example.com").await;
    let key = bench.new_key(user.organization, Plan::Free, &Scope::ALL).await.unwrap();
    let (store, now) = (bench.context.store(), bench.context.clock().now());
    let audit = AuditEntry::of_operator(Action::ErasureCompleted, None, serde_json::json!({}), now);
    assert!(store.delete_account(&user, &audit, now).await.unwrap());
    work(bench).await;
    key
}

#[tokio::test]
async fn every_route_as_every_caller() {
    let bench =
        Bench::with(&[("OUTSCOUT_OUTSET_LIMIT_ANONYMOUS", "0"), ("OUTSCOUT_OUTSET_LIMIT_FREE", "0")]).await.unwrap();
    let fixture = bench.fixture().await.unwrap();
    let other = bench.organization(Plan::Free).await.unwrap();
    let now = bench.context.clock().now();
    let revoked = bench.spoiled_key(fixture.organization, |key| key.revoked_at = Some(now)).await.unwrap();
    let expired =
        bench.spoiled_key(fixture.organization, |key| key.expires_at = Some(now - Duration::SECOND)).await.unwrap();
    let unscoped = bench.spoiled_key(fixture.organization, |key| key.scopes.clear()).await.unwrap();
    let unknown = shared::secret::PlainKey::generate().unwrap();
    let erased = key_of_before_an_erasure(&bench).await;
    let callers = [
        ("none", None),
        ("malformed", Some("nope")),
        ("unknown", Some(unknown.reveal())),
        ("revoked", Some(&revoked)),
        ("expired", Some(&expired)),
        ("no scope", Some(&unscoped)),
        ("erased", Some(&erased)),
        ("reader", Some(&fixture.reader)),
        ("other tenant", Some(&other.full)),
        ("right", Some(&fixture.full)),
    ];
    let mut grid = String::new();
    for resource in resources(Api::Outset) {
        let path = filled(resource);
        for method in METHODS {
            let function = routed(Api::Outset, method, &path);
            let mut row = format!("{method:7} {resource:45}");
            for (name, key) in &callers {
                let value = key.map(|key| format!("Api-Key {key}"));
                let headers: Vec<_> = value.iter().map(|value| ("authorization", value.as_str())).collect();
                let answer = bench.send(function, method, &path, &headers, b"").await.unwrap();
                assert!(answer.status < 500 || answer.status == 501, "{method} {path} as {name}: {}", answer.body);
                let _ = write!(row, " {name}={}", answer.status);
            }
            grid.push_str(&row);
            grid.push('\n');
        }
    }
    golden("flows/coverage/coverage.golden", &grid);
}
