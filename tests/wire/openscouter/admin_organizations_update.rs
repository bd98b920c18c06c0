//! `PATCH /api/admin/organizations/:id`: plan and exemption (openscouter 17).

use harness::{
    Bench,
    openscouter::{bearer, data, get, patch, person, team::Team, told, user, work},
    snapshot,
};
use serde_json::json;
use shared::model::Role;
use time::Duration;

#[tokio::test]
async fn organizations() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Admin, "ann@example.com").await;
    let ann = bearer(&bench, "ann@example.com").await;
    let mut ids = Vec::new();
    for number in 0..5 {
        bench.advance(Duration::seconds(1));
        ids.push(person(&bench, Role::Business, &format!("u{number}@example.com")).await.organization.wire());
    }
    work(&bench).await;
    let page = get(&bench, "/api/admin/organizations?limit=2&page=2", &ann).await.json();
    assert_eq!(page["metadata"], json!({"page": 2, "limit": 2, "total": 6}));
    let shown: Vec<_> = page["data"].as_array().unwrap().iter().map(|row| row["organizationId"].clone()).collect();
    assert_eq!(shown, [json!(ids[2]), json!(ids[1])], "newest first");
    let path = format!("/api/admin/organizations/{}", ids[0]);
    for (body, text) in [
        (json!({"plan": "gold"}), "plan: must be one of: free, pro"),
        (json!({"plan": null}), "plan: must not be null"),
        (json!({"billingExempt": "yes"}), "billingExempt: must be a boolean"),
    ] {
        assert_eq!(told(&patch(&bench, &ann, &path, &body).await), (422, text.to_owned()));
    }
    let changed = data(&patch(&bench, &ann, &path, &json!({"plan": "pro", "billingExempt": false})).await);
    assert_eq!(
        (&changed["plan"], &changed["billingExempt"], &changed["name"]),
        (&json!("pro"), &json!(false), &json!("Roe Ltd"))
    );
    assert_eq!(data(&patch(&bench, &ann, &path, &json!({})).await), changed, "nothing asked, nothing changed");
    let missing = patch(&bench, &ann, "/api/admin/organizations/org_1", &json!({"plan": "pro"})).await;
    assert_eq!(told(&missing), (404, "Organization not found".to_owned()));
}

#[tokio::test]
async fn a_plan_holds_for_the_other_dialect_s_keys_too() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Admin, "ann@example.com").await;
    let ann = bearer(&bench, "ann@example.com").await;
    let fixture = bench.organization(shared::model::Plan::Free).await.unwrap();
    let path = format!("/api/admin/organizations/{}", fixture.organization.wire());
    assert_eq!(patch(&bench, &ann, &path, &json!({"plan": "pro"})).await.status, 200);
    let key = shared::secret::PlainKey::parse(&fixture.full).unwrap();
    let found = bench.context.store().key_by_hash(&key.hash()).await.unwrap().unwrap();
    assert_eq!(found.plan, shared::model::Plan::Pro);
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let owner = user(&team.bench, "dana@example.com").await;
    let path = format!("/api/admin/organizations/{}", owner.organization.wire());
    let answer = team.admin("PATCH", &path, &json!({"plan": "pro", "billingExempt": false})).await;
    snapshot!("admin-organizations-update", &answer);
}
