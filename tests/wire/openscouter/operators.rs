//! Administration and the audit trail (openscouter 17).

use harness::{Answer, Bench};
use serde_json::{Value, json};
use shared::model::Role;
use time::Duration;

use super::{bearer, data, get, person, post, send, sign_in, told, work};

async fn patch(bench: &Bench, caller: &str, path: &str, body: &Value) -> Answer {
    let headers = [("authorization", caller), ("content-type", "application/json")];
    send(bench, "PATCH", path, &headers, &body.to_string()).await
}

#[tokio::test]
async fn a_suspension_holds_from_the_next_request() {
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let admin = person(&bench, Role::Admin, "ann@example.com").await;
    let (dana, ann) = (sign_in(&bench, "dana@example.com").await, bearer(&bench, "ann@example.com").await);
    let access = format!("Bearer {}", dana["accessToken"].as_str().unwrap());
    let made =
        post(&bench, "/api/tokens", &[("authorization", &access)], &json!({"name": "x", "scopes": ["read"]})).await;
    let token = format!("Token {}", data(&made)["token"].as_str().unwrap());
    let path = format!("/api/admin/users/{}", user.id.wire());
    for (body, text) in [
        (json!({}), "status: is required"),
        (json!({"status": null}), "status: must not be null"),
        (json!({"status": "pending"}), "status: must be one of: active, suspended"),
    ] {
        assert_eq!(told(&patch(&bench, &ann, &path, &body).await), (422, text.to_owned()));
    }
    let own = format!("/api/admin/users/{}", admin.id.wire());
    let suspend = json!({"status": "suspended"});
    assert_eq!(
        told(&patch(&bench, &ann, &own, &suspend).await),
        (422, "status: must not be the own account".to_owned())
    );
    for missing in ["user_01k8ybdf00e8nrtzq2qw3d80n2", "user_1"] {
        let answer = patch(&bench, &ann, &format!("/api/admin/users/{missing}"), &suspend).await;
        assert_eq!(told(&answer), (404, "User not found".to_owned()));
    }
    for _ in 0..2 {
        let answer = patch(&bench, &ann, &path, &suspend).await;
        assert_eq!(data(&answer), json!({"userId": user.id.wire(), "status": "suspended"}));
    }
    let suspended = (403, "Account suspended".to_owned());
    for credential in [&access, &token] {
        assert_eq!(told(&get(&bench, "/api/auth/me", credential).await), suspended);
    }
    let credentials = json!({"email": "dana@example.com", "password": super::PASSWORD});
    assert_eq!(told(&post(&bench, "/api/auth/sign-in", &[], &credentials).await), suspended);
    let refresh = json!({"refreshToken": dana["refreshToken"]});
    assert_eq!(told(&post(&bench, "/api/auth/refresh", &[], &refresh).await), suspended);
    let wrong = json!({"email": "dana@example.com", "password": "wrong"});
    assert_eq!(post(&bench, "/api/auth/sign-in", &[], &wrong).await.status, 401, "told only after the right password");
    let lifted = patch(&bench, &ann, &path, &json!({"status": "active"})).await;
    assert_eq!(data(&lifted)["status"], "active");
    assert_eq!(get(&bench, "/api/auth/me", &token).await.status, 200, "a token is not a sign-in");
    assert_eq!(get(&bench, "/api/auth/me", &access).await.status, 401, "sign-ins ended");
    let refreshed = post(&bench, "/api/auth/refresh", &[], &json!({"refreshToken": dana["refreshToken"]})).await;
    assert_eq!(refreshed.status, 401);
    let tester = person(&bench, Role::Tester, "tess@example.com").await;
    let path = format!("/api/admin/users/{}", tester.id.wire());
    let pending = patch(&bench, &ann, &path, &json!({"status": "active"})).await;
    assert_eq!(told(&pending), (422, "User is pending, expected active or suspended".to_owned()));
    patch(&bench, &ann, &path, &suspend).await;
    let back = patch(&bench, &ann, &path, &json!({"status": "active"})).await;
    assert_eq!(data(&back)["status"], "pending", "the state held before");
}

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
    work(&bench).await;
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
    assert_eq!((&row["actorRole"], &row["requestId"]), (&json!("business"), &json!("the-request-id")));
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
