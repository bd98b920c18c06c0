//! What is kept of attempts, and what is not.

use harness::{
    Answer, Bench,
    functions::{Api, routed},
    is_audit,
    openscouter::{self, PASSWORD, bearer, oauth, one_time, person, post, work},
    outsend, outset,
};
use serde_json::{Value, json};
use shared::{
    model::{Action, AuditEntry, Plan, Role, Scope, TokenKind},
    secret::sha256_hex,
    store::AuditFilter,
};

const DANA: &str = "dana@example.com";
/// A request id of the client's own.
const CHOSEN: &str = "chosen-by-a-client";

/// The audit trail's records, newest first, once they are ranked.
async fn trail(bench: &Bench) -> Vec<AuditEntry> {
    // a mail is recorded by its work, and ranked by the next
    work(bench).await;
    work(bench).await;
    let page =
        bench.context.store().audit_page(&AuditFilter::default(), 0, 100, bench.context.clock().now()).await.unwrap();
    page.members
}

fn names(trail: &[AuditEntry]) -> Vec<&'static str> {
    trail.iter().map(|entry| entry.action.as_str()).collect()
}

async fn send(bench: &Bench, (api, method, path): (Api, &str, &str), headers: &[(&str, &str)], body: &Value) -> Answer {
    bench.advance(time::Duration::seconds(2));
    let mut all = vec![("content-type", "application/json"), ("x-request-id", CHOSEN)];
    all.extend_from_slice(headers);
    bench.send(routed(api, method, path), method, path, &all, body.to_string().as_bytes()).await.unwrap()
}

#[tokio::test]
async fn failures_lockouts_resets_and_keys_are_audited_under_our_own_id() {
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Business, DANA).await;
    let left = 900 - bench.context.clock().now().unix_timestamp().rem_euclid(900);
    bench.advance(time::Duration::seconds(left));
    let wrong = json!({"email": DANA, "password": "wrong 1"});
    for _ in 0..3 {
        assert_eq!(send(&bench, (Api::Outsend, "POST", "/api/auth/login"), &[], &wrong).await.status, 401);
    }
    for _ in 0..9 {
        send(&bench, (Api::OpenScouter, "POST", "/api/auth/sign-in"), &[], &wrong).await;
    }
    let seen = trail(&bench).await;
    let count = |name: &str| names(&seen).iter().filter(|known| **known == name).count();
    assert_eq!((count("auth.sign_in_failed"), count("auth.locked_out")), (10, 1), "{:?}", names(&seen));
    let dialects = seen.iter().filter(|entry| entry.detail["dialect"] == "outsend").count();
    assert_eq!(dialects, 3);
    assert!(seen.iter().all(|entry| entry.object == Some(user.id.wire()) && entry.actor.is_none()));

    // a reset, asked for and done, in each dialect
    let asked = json!({"email": DANA});
    send(&bench, (Api::Outsend, "POST", "/api/auth/password/reset-request"), &[], &asked).await;
    send(&bench, (Api::OpenScouter, "POST", "/api/auth/forgot-password"), &[], &asked).await;
    let token = one_time(&bench, DANA, TokenKind::Reset).await;
    let body = json!({"token": token, "new_password": "another phrase 2"});
    assert_eq!(send(&bench, (Api::Outsend, "POST", "/api/auth/password/reset"), &[], &body).await.status, 200);
    let token = one_time(&bench, DANA, TokenKind::ScouterReset).await;
    let body = json!({"token": token, "password": PASSWORD});
    assert_eq!(send(&bench, (Api::OpenScouter, "POST", "/api/auth/reset-password"), &[], &body).await.status, 200);
    let seen = trail(&bench).await;
    let count = |name: &str| names(&seen).iter().filter(|known| **known == name).count();
    assert_eq!((count("auth.reset_requested"), count("auth.password_reset")), (2, 2), "{:?}", names(&seen));

    // passwords and keys
    bench.advance(time::Duration::hours(1));
    let cookie = outsend::log_in(&bench, DANA, PASSWORD).await;
    let headers = [("cookie", cookie.as_str())];
    let made = send(&bench, (Api::Outsend, "POST", "/api/api-keys"), &headers, &json!({"name": "x"})).await.json();
    let path = format!("/api/api-keys/{}", made["id"].as_str().unwrap());
    assert_eq!(send(&bench, (Api::Outsend, "DELETE", &path), &headers, &json!({})).await.status, 200);
    let body = json!({"current_password": PASSWORD, "new_password": "another phrase 3"});
    assert_eq!(send(&bench, (Api::Outsend, "POST", "/api/auth/password/change"), &headers, &body).await.status, 200);
    let body = json!({"email": DANA, "password": "another phrase 3"});
    let session = send(&bench, (Api::OpenScouter, "POST", "/api/auth/sign-in"), &[], &body).await.json();
    let access = openscouter::access(&session["data"]);
    let headers = [("authorization", access.as_str())];
    let body = json!({"name": "x", "scopes": ["read"]});
    let made = send(&bench, (Api::OpenScouter, "POST", "/api/tokens"), &headers, &body).await.json();
    let path = format!("/api/tokens/{}", made["data"]["tokenId"].as_str().unwrap());
    assert_eq!(send(&bench, (Api::OpenScouter, "DELETE", &path), &headers, &json!({})).await.status, 200);
    let seen = trail(&bench).await;
    let count = |name: &str| names(&seen).iter().filter(|known| **known == name).count();
    let counts = (count("token.issued"), count("token.revoked"), count("auth.password_changed"));
    assert_eq!(counts, (2, 2, 1), "{:?}", names(&seen));
    for entry in seen {
        assert_ne!(entry.request_id, CHOSEN, "{entry:?}");
        assert_eq!(entry.request_id.len(), 36, "{entry:?}");
        assert!(!entry.detail.to_string().contains("example.com"), "{entry:?}");
    }
    assert!(Action::ALL.iter().all(|action| action.as_str().contains('.')));
}

#[tokio::test]
async fn who_names_no_request_id_finds_the_audit_by_the_answer() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, DANA).await;
    let body = json!({"email": DANA, "password": PASSWORD});
    let answer = post(&bench, "/api/auth/sign-in", &[], &body).await;
    assert_eq!(trail(&bench).await[0].request_id, answer.header("x-request-id"));
}

#[tokio::test]
async fn guesses_at_nobody_write_nothing_that_stays() {
    let bench = Bench::start().await.unwrap();
    let before = bench.items("main").await.unwrap();
    for number in 0..8 {
        let wrong = json!({"email": format!("nobody-{number}@example.com"), "password": "wrong 1"});
        assert_eq!(send(&bench, (Api::Outsend, "POST", "/api/auth/login"), &[], &wrong).await.status, 401);
        assert_eq!(send(&bench, (Api::OpenScouter, "POST", "/api/auth/sign-in"), &[], &wrong).await.status, 401);
    }
    assert_eq!(bench.items("main").await.unwrap(), before);
}

/// Uses everything that leaves something in the short-lived table; what names the account afterwards.
async fn used(bench: &Bench) -> (String, Vec<String>) {
    let user = person(bench, Role::Business, DANA).await;
    let wrong = json!({"email": DANA, "password": "wrong 1"});
    send(bench, (Api::Outsend, "POST", "/api/auth/login"), &[], &wrong).await;
    send(bench, (Api::OpenScouter, "POST", "/api/auth/sign-in"), &[], &wrong).await;
    send(bench, (Api::Outsend, "POST", "/api/auth/password/reset-request"), &[], &json!({"email": DANA})).await;
    for kind in [TokenKind::Reset, TokenKind::Reset, TokenKind::Magic, TokenKind::ScouterReset] {
        one_time(bench, DANA, kind).await;
    }
    // one that was used
    let token = one_time(bench, DANA, TokenKind::Magic).await;
    let body = json!({ "token": token });
    assert_eq!(send(bench, (Api::OpenScouter, "POST", "/api/auth/magic-link/verify"), &[], &body).await.status, 200);
    oauth::connected(bench, &user).await;
    // a code that nobody took
    let client = oauth::register(bench).await;
    oauth::code(bench, &client, &user, oauth::API).await;
    let access = bearer(bench, DANA).await;
    let headers = [("authorization", access.as_str()), ("idempotency-key", "key-1")];
    let body = json!({"name": "x", "scopes": ["read"]});
    assert_eq!(send(bench, (Api::OpenScouter, "POST", "/api/tokens"), &headers, &body).await.status, 201);
    let body = openscouter::sign_up_body(DANA);
    let headers = [("idempotency-key", "key-2")];
    assert_eq!(send(bench, (Api::OpenScouter, "POST", "/api/auth/sign-up"), &headers, &body).await.status, 202);
    // an admin's answers name others
    person(bench, Role::Admin, "ann@example.com").await;
    let admin = bearer(bench, "ann@example.com").await;
    let study = json!({"organizationId": user.organization.wire()});
    let mut body = openscouter::studies::body();
    body["organizationId"] = study["organizationId"].clone();
    let headers = [("authorization", admin.as_str()), ("idempotency-key", "key-3")];
    let made = send(bench, (Api::OpenScouter, "POST", "/api/jobs"), &headers, &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let replayed = send(bench, (Api::OpenScouter, "POST", "/api/jobs"), &headers, &body).await;
    assert_eq!((replayed.header("idempotency-replayed"), &replayed.body), ("true", &made.body));
    let key = bench.new_key(user.organization, Plan::Free, &Scope::ALL).await.unwrap();
    let key = format!("Api-Key {key}");
    let headers = [("authorization", key.as_str())];
    bench.send(outset::LIST, "GET", "/v1/studies/", &headers, b"").await.unwrap();
    let cookie = outsend::log_in(bench, DANA, PASSWORD).await;
    let headers = [("cookie", cookie.as_str())];
    let resend = send(bench, (Api::Outsend, "POST", "/api/auth/resend-verification"), &headers, &json!({})).await;
    assert_eq!(resend.status, 400);
    work(bench).await;
    let mut traces = vec![DANA.to_owned(), sha256_hex(DANA.as_bytes())];
    traces.extend([user.id.to_string(), user.id.wire(), user.organization.to_string(), user.organization.wire()]);
    traces.push(made.json()["data"]["jobId"].as_str().unwrap().to_owned());
    (cookie, traces)
}

#[tokio::test]
async fn nothing_of_an_erased_account_is_in_any_table() {
    let bench = Bench::start().await.unwrap();
    let (cookie, traces) = used(&bench).await;
    let body = json!({"password": PASSWORD});
    let deleted = send(&bench, (Api::Outsend, "DELETE", "/api/auth/account"), &[("cookie", &cookie)], &body).await;
    assert_eq!(deleted.status, 200, "{}", deleted.body);
    for _ in 0..6 {
        work(&bench).await;
        bench.advance(time::Duration::seconds(30));
    }
    // who still has a credential of it leaves nothing, either
    assert_eq!(outsend::me(&bench, &[("cookie", &cookie)]).await.status, 401);
    for table in ["main", "hot"] {
        let mut left = bench.items(table).await.unwrap();
        left.retain(|item| traces.iter().any(|trace| item.contains(trace.as_str())) && !is_audit(item));
        assert!(left.is_empty(), "{table}: {left:#?}");
    }
    let left = bench.items("hot").await.unwrap();
    let about: Vec<_> = left.iter().filter(|item| item.contains("TOKEN#") || item.contains("CODE#")).collect();
    assert!(about.is_empty(), "{about:#?}");
}

#[tokio::test]
async fn what_was_answered_is_kept_sealed() {
    let bench = Bench::start().await.unwrap();
    let headers = [("idempotency-key", "0b5e7c1a-4d2f-4e8c")];
    let body = openscouter::sign_up_body(DANA);
    let first = send(&bench, (Api::OpenScouter, "POST", "/api/auth/sign-up"), &headers, &body).await;
    let again = send(&bench, (Api::OpenScouter, "POST", "/api/auth/sign-up"), &headers, &body).await;
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
    let hash = sha256_hex(body.to_string().as_bytes());
    for item in bench.items("hot").await.unwrap() {
        assert!(!item.contains(DANA), "{item}");
        assert!(!item.contains(&hash), "the hash of a body with a password: {item}");
    }
}
