//! `POST /api/me/consents`: a consent (openscouter 18).

use harness::{
    openscouter::{ask, bearer, data, person, send, team::Team, told, work},
    snapshot,
};
use serde_json::{Value, json};
use shared::model::Role;

#[tokio::test]
async fn a_consent_is_given_once_and_again_after_it_was_withdrawn() {
    let team = Team::start().await;
    let bench = &team.bench;
    let penny = person(bench, Role::Tester, "penny@example.com").await;
    let credential = bearer(bench, "penny@example.com").await;
    for kind in ["testing", "special_category"] {
        let path = format!("/api/me/consents/{kind}");
        let never = ask(bench, &credential, "DELETE", &path, &Value::Null).await;
        assert_eq!(told(&never), (404, "Consent not found".to_owned()), "never given");
    }
    let body = json!({"kind": "testing", "version": "v1.1"}).to_string();
    let headers = [("authorization", credential.as_str()), ("content-type", "application/json")];
    // all at the same instant
    let calls = (0..6).map(|_| send(bench, "POST", "/api/me/consents", &headers, &body));
    let mut statuses: Vec<_> = futures_util::future::join_all(calls).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 201]);
    let withdrawn = ask(bench, &credential, "DELETE", "/api/me/consents/testing", &Value::Null).await;
    assert_eq!(withdrawn.status, 202);
    work(bench).await;
    let again = send(bench, "POST", "/api/me/consents", &headers, &body).await;
    assert_eq!((again.status, &data(&again)["revokedAt"]), (201, &Value::Null));
    assert!(bench.context.store().has_consent(penny.id, shared::model::ConsentKind::Testing, "v1.1").await.unwrap());
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let answer = team.tester("POST", "/api/me/consents", &json!({"kind": "special_category", "version": "v1.1"})).await;
    snapshot!("me-consents-create", &answer);
}
