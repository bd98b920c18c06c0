//! `POST /api/tokens`: a new API token (openscouter 8).

use harness::{
    Bench,
    openscouter::{bearer, data, get, person, post, send, told, work},
    snapshot,
};
use serde_json::{Value, json};
use shared::model::Role;
use time::Duration;

#[tokio::test]
async fn what_makes_no_token() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let dana = bearer(&bench, "dana@example.com").await;
    let create = async |body: Value| post(&bench, "/api/tokens", &[("authorization", &dana)], &body).await;
    let rows = [
        (json!({}), 422, "name: is required"),
        (json!({"name": "x".repeat(81), "scopes": ["read"]}), 422, "name: must be at most 80 characters"),
        (json!({"name": "x"}), 422, "scopes: is required"),
        (json!({"name": "x", "scopes": "read"}), 422, "scopes: must be an array"),
        (json!({"name": "x", "scopes": []}), 422, "scopes: must contain at least 1 items"),
        (json!({"name": "x", "scopes": ["read", "read"]}), 422, "scopes: must not contain duplicates"),
        (json!({"name": "x", "scopes": ["all"]}), 422, "scopes[0]: must be one of: read, write, admin"),
        (json!({"name": "x", "scopes": ["read", 1]}), 422, "scopes[1]: must be a string"),
        (
            json!({"name": "x", "scopes": ["read"], "expiresAt": "soon"}),
            422,
            "expiresAt: must be an ISO 8601 timestamp",
        ),
        (
            json!({"name": "x", "scopes": ["read"], "expiresAt": "2020-01-01T00:00:00Z"}),
            422,
            "expiresAt: must be in the future",
        ),
        (json!({"name": "x", "scopes": ["admin"]}), 403, "Missing scope: admin"),
    ];
    for (body, status, text) in rows {
        assert_eq!(told(&create(body.clone()).await), (status, text.to_owned()), "{body}");
    }
}

#[tokio::test]
async fn a_token_s_life() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    person(&bench, Role::Business, "otto@example.com").await;
    let (dana, otto) = (bearer(&bench, "dana@example.com").await, bearer(&bench, "otto@example.com").await);
    let create = async |body: Value| post(&bench, "/api/tokens", &[("authorization", &dana)], &body).await;
    let end = bench.context.clock().now() + Duration::hours(1);
    let end = end.format(&time::format_description::well_known::Rfc3339).unwrap();
    let short = data(&create(json!({"name": "short", "scopes": ["write"], "expiresAt": end})).await);
    let long = data(&create(json!({"name": "long", "scopes": ["read", "write"]})).await);
    let members: Vec<_> = long.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["tokenId", "name", "scopes", "token", "lastFour", "createdAt", "expiresAt", "lastUsedAt"]);
    let plain = |token: &Value| token["token"].as_str().unwrap().to_owned();
    assert!(plain(&long).starts_with("osc_") && plain(&long).len() == 47);
    assert!(plain(&long).ends_with(long["lastFour"].as_str().unwrap()));
    let use_it = async |token: &Value| get(&bench, "/api/auth/me", &format!("Token {}", plain(token))).await;
    let own = data(&use_it(&short).await);
    assert_eq!(own["credential"], json!({"kind": "token", "scopes": ["write"]}));
    assert_eq!(own["email"], "dana@example.com", "the creator");
    let list = async |caller: &str| get(&bench, "/api/tokens?limit=1&page=2", caller).await.json();
    let page = list(&dana).await;
    assert_eq!(page["metadata"], json!({"page": 2, "limit": 1, "total": 2}));
    assert_eq!((&page["data"][0]["name"], &page["data"][0]["token"]), (&json!("short"), &Value::Null));
    assert!(page["data"][0]["lastUsedAt"].is_string());
    assert_eq!(list(&otto).await["metadata"]["total"], 0, "another organization's tokens are not seen");
    bench.advance(Duration::hours(1));
    assert_eq!(use_it(&short).await.status, 401);
    assert_eq!(list(&dana).await["metadata"]["total"], 1, "live tokens only");
    let delete = async |caller: &str, id: &str| {
        send(&bench, "DELETE", &format!("/api/tokens/{id}"), &[("authorization", caller)], "").await
    };
    let id = long["tokenId"].as_str().unwrap();
    let missing = (404, "Token not found".to_owned());
    for foreign in [
        delete(&otto, id).await,
        delete(&dana, short["tokenId"].as_str().unwrap()).await,
        delete(&dana, "tok_001").await,
        delete(&dana, &id.to_uppercase()).await,
    ] {
        assert_eq!(told(&foreign), missing);
    }
    let revoked = data(&delete(&dana, id).await);
    assert_eq!((&revoked["tokenId"], revoked["revokedAt"].as_str().unwrap().len()), (&json!(id), 20));
    assert_eq!(use_it(&long).await.status, 401, "refused from the next request on");
    assert_eq!(told(&delete(&dana, id).await), missing);
    work(&bench).await;
}

#[tokio::test]
async fn an_organization_has_at_most_fifty_tokens() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let dana = bearer(&bench, "dana@example.com").await;
    let create = || async {
        post(&bench, "/api/tokens", &[("authorization", &dana)], &json!({"name": "x", "scopes": ["read"]})).await
    };
    for _ in 0..45 {
        assert_eq!(create().await.status, 201);
    }
    let answers = futures_util::future::join_all((0..10).map(|_| create())).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 5, "exactly, also at once");
    assert_eq!(told(&create().await), (422, "name: organization already has 50 tokens".to_owned()));
    let list = get(&bench, "/api/tokens?limit=500", &dana).await.json();
    assert_eq!(list["metadata"], json!({"page": 1, "limit": 100, "total": 50}));
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let dana = bearer(&bench, "dana@example.com").await;
    let body = json!({"name": "CI", "scopes": ["read", "write"]});
    let answer = post(&bench, "/api/tokens", &[("authorization", &dana)], &body).await;
    snapshot!("tokens-create", &answer);
}
