//! Who sees and may do what, whatever the credential (openscouter 3.1, 3.5, 3.7, 3.8, 4).

use harness::{
    Answer,
    openscouter::{
        ask, bearer, data, get,
        oauth::connected_to,
        person, post, read, role,
        team::{STUDY, Team},
        told, work,
    },
};
use serde_json::{Value, json};
use shared::model::{Email, Role};

#[tokio::test]
async fn an_admin_s_connection_sees_its_organization_alone() {
    let team = Team::start().await;
    let (bench, store) = (&team.bench, team.bench.context.store());
    let user = async |email: &str| store.account_by_email(&Email::parse(email).unwrap()).await.unwrap().unwrap().user;
    let (ann, dana) = (user("ann@example.com").await, user("dana@example.com").await);
    person(bench, Role::Business, "otto@example.com").await;
    let otto = bearer(bench, "otto@example.com").await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let body: Value = serde_json::from_str(STUDY).unwrap();
    let foreign = data(&ask(bench, &otto, "POST", "/api/jobs", &body).await)["jobId"].as_str().unwrap().to_owned();
    ask(bench, &otto, "POST", &format!("/api/jobs/{foreign}/launch"), &Value::Null).await;
    let theirs =
        data(&team.admin("POST", "/api/sessions", &json!({"jobId": foreign, "testerId": team.user.id.wire()})).await);
    work(bench).await;
    let connection = connected_to(bench, &ann, &dana).await;
    let ids = |answer: &Answer, name: &str| {
        let rows = answer.json()["data"].as_array().unwrap().clone();
        rows.iter().map(|row| row[name].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let studies = read(bench, &connection, "/api/jobs").await;
    assert_eq!((ids(&studies, "jobId"), &studies.json()["metadata"]["total"]), (vec![study.clone()], &json!(1)));
    assert_eq!(ids(&read(bench, &connection, "/api/sessions").await, "sessionId"), std::slice::from_ref(&session));
    assert_eq!(read(bench, &connection, &format!("/api/sessions/{session}")).await.status, 200);
    for (path, object) in [
        (format!("/api/jobs/{foreign}"), "Study"),
        (format!("/api/sessions/{}", theirs["sessionId"].as_str().unwrap()), "Session"),
        (format!("/api/reports/job/{foreign}"), "Study"),
    ] {
        assert_eq!(told(&read(bench, &connection, &path).await), (404, format!("{object} not found")), "{path}");
    }
    // a draft belongs to the organization, which need not be named and cannot be chosen
    let mut other = body.clone();
    other["organizationId"] = json!(user("otto@example.com").await.organization.wire());
    let draft = ask(bench, &connection, "POST", "/api/jobs", &other).await;
    assert_eq!((draft.status, &data(&draft)["organizationId"]), (201, &json!(dana.organization.wire())));
    work(bench).await;
    let me = data(&get(bench, "/api/auth/me", &connection).await);
    assert_eq!((&me["role"], &me["credential"]["kind"]), (&json!("admin"), &json!("oauth")));
    assert_eq!(ids(&team.admin("GET", "/api/jobs", &Value::Null).await, "jobId").len(), 3, "in person, all");
}

#[tokio::test]
async fn an_admin_s_token_is_an_admin() {
    let team = Team::start().await;
    let bench = &team.bench;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    team.tester("POST", &format!("/api/sessions/{session}/complete"), &json!({})).await;
    let token = async |caller: &str, scope: &str| {
        let body = json!({"name": "x", "scopes": [scope]});
        let made = data(&post(bench, "/api/tokens", &[("authorization", caller)], &body).await);
        format!("Token {}", made["token"].as_str().unwrap())
    };
    let (admin, owner) = (token(&team.admin, "admin").await, token(&team.owner, "write").await);
    let path = format!("/api/sessions/{session}/feedback");
    let rating = json!({"rating": 1});
    assert_eq!(told(&ask(bench, &admin, "POST", &path, &rating).await), role());
    assert_eq!(told(&team.admin("POST", &path, &rating).await), role());
    let given = ask(bench, &owner, "POST", &path, &json!({"rating": 5})).await;
    assert_eq!((given.status, &data(&given)["authorRole"]), (201, &json!("business")), "the owner's place was free");
    // what an admin may do, the token may
    assert_eq!(read(bench, &admin, &format!("/api/sessions/{session}/notes")).await.status, 200);
    let narrow = token(&team.admin, "write").await;
    let events = json!({"sessionId": session, "batch": []});
    assert_eq!(
        told(&ask(bench, &narrow, "POST", "/api/data/events", &events).await),
        (403, "Missing scope: admin".to_owned())
    );
    assert_eq!(
        told(&ask(bench, &owner, "POST", "/api/data/events", &events).await),
        (403, "Missing scope: admin".to_owned())
    );
}

#[tokio::test]
async fn a_tester_who_has_not_passed_the_quiz_keeps_to_the_own_account() {
    let team = Team::start().await;
    let bench = &team.bench;
    person(bench, Role::Tester, "penny@example.com").await;
    let penny = bearer(bench, "penny@example.com").await;
    assert_eq!(data(&get(bench, "/api/auth/me", &penny).await)["status"], "pending");
    for path in ["/api/testers/quiz", "/api/me/profile", "/api/me/consents"] {
        assert_eq!(read(bench, &penny, path).await.status, 200, "{path}");
    }
    let consent = json!({"kind": "testing", "version": "v1.1"});
    assert_eq!(ask(bench, &penny, "POST", "/api/me/consents", &consent).await.status, 201);
    assert_eq!(ask(bench, &penny, "POST", "/api/me/exports", &json!({})).await.status, 202);
    for (method, path) in [
        ("GET", "/api/jobs"),
        ("GET", "/api/sessions"),
        ("POST", "/api/sessions"),
        ("POST", "/api/ai"),
        ("POST", "/api/data/events"),
        ("GET", "/api/reports/rep_1"),
        ("PUT", "/api/sessions/sess_1/notes"),
    ] {
        // before the body and the object are looked at
        assert_eq!(told(&ask(bench, &penny, method, path, &json!([])).await), role(), "{method} {path}");
    }
    assert_eq!(read(bench, &team.tester, "/api/jobs").await.status, 200, "one who has passed it may");
    let out = ask(bench, &penny, "POST", "/api/auth/sign-out", &json!({})).await;
    assert_eq!(out.status, 200);
}
