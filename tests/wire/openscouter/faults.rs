//! Identity while the store throttles, conflicts, loses answers and is slow: every flow succeeds, and its effects
//! happen once.

use harness::{Bench, faults::Fault};
use serde_json::{Value, json};
use shared::model::{Role, TokenKind};
use time::Duration;

use super::{PASSWORD, bearer, data, get, oauth::connected, one_time, person, post, send, work};
use crate::erasure::outsend;

macro_rules! under_each_fault {
    ($($name:ident: $fault:expr => $flow:ident,)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            $flow($fault).await;
        })*
    };
}
under_each_fault! {
    openscouter_throttled: Fault::Throttled => openscouter_flow,
    openscouter_in_conflict: Fault::Conflict => openscouter_flow,
    openscouter_without_answers: Fault::LostAnswer => openscouter_flow,
    openscouter_slowed: Fault::Slow(10) => openscouter_flow,
    outsend_throttled: Fault::Throttled => outsend_flow,
    outsend_in_conflict: Fault::Conflict => outsend_flow,
    outsend_without_answers: Fault::LostAnswer => outsend_flow,
    outsend_slowed: Fault::Slow(10) => outsend_flow,
}

async fn openscouter_flow(fault: Fault) {
    let bench = Bench::start().await.unwrap();
    let ann = person(&bench, Role::Admin, "ann@example.com").await;
    bench.faults.every(if fault == Fault::Conflict { 2 } else { 6 }, fault);
    let body = json!({"role": "business", "email": "dana@example.com", "password": PASSWORD, "fullName": "Dana",
        "companyName": "Roe"});
    assert_eq!(post(&bench, "/api/auth/sign-up", &[], &body).await.status, 202, "{fault:?}");
    let token = one_time(&bench, "dana@example.com", TokenKind::ScouterVerify).await;
    let verified = post(&bench, "/api/auth/verify-email", &[], &json!({"token": token})).await;
    assert_eq!(verified.status, 200, "{fault:?}: {}", verified.body);
    let credentials = json!({"email": "dana@example.com", "password": PASSWORD});
    let mut session = data(&post(&bench, "/api/auth/sign-in", &[], &credentials).await);
    for _ in 0..5 {
        let refreshed = post(&bench, "/api/auth/refresh", &[], &json!({"refreshToken": session["refreshToken"]})).await;
        session = data(&refreshed);
    }
    let access = format!("Bearer {}", session["accessToken"].as_str().unwrap());
    let mut tokens = Vec::new();
    for number in 0..6 {
        let key = format!("key-{number}");
        let headers = [("authorization", access.as_str()), ("idempotency-key", &key)];
        let made = post(&bench, "/api/tokens", &headers, &json!({"name": "x", "scopes": ["read"]})).await;
        assert_eq!(made.status, 201, "{fault:?}: {}", made.body);
        tokens.push(data(&made));
    }
    let path = format!("/api/tokens/{}", tokens[0]["tokenId"].as_str().unwrap());
    let deleted = send(&bench, "DELETE", &path, &[("authorization", &access)], "").await;
    // the first answer can have been lost: then the token is gone
    assert!(matches!(deleted.status, 200 | 404), "{fault:?}: {}", deleted.body);
    assert_eq!(get(&bench, "/api/tokens", &access).await.json()["metadata"]["total"], 5, "{fault:?}");
    bench.advance(Duration::seconds(61));
    let email = shared::model::Email::parse("dana@example.com").unwrap();
    let user = bench.context.store().account_by_email(&email).await.unwrap().unwrap().user;
    let connection = connected(&bench, &user).await;
    assert_eq!(get(&bench, "/api/auth/me", &connection).await.status, 200, "{fault:?}");
    assert_eq!(get(&bench, "/api/connections", &access).await.json()["metadata"]["total"], 1, "{fault:?}");
    let exported = post(&bench, "/api/me/exports", &[("authorization", &access)], &json!({})).await;
    assert_eq!(exported.status, 202, "{fault:?}: {}", exported.body);
    let erased = post(&bench, "/api/me/erasure", &[("authorization", &access)], &json!({"confirm": "ERASE"})).await;
    assert_eq!(erased.status, 202, "{fault:?}");
    let admin = bearer(&bench, "ann@example.com").await;
    let headers = [("authorization", admin.as_str()), ("content-type", "application/json")];
    let path = format!("/api/admin/users/{}", user.id.wire());
    let suspended = send(&bench, "PATCH", &path, &headers, "{\"status\":\"suspended\"}").await;
    assert_eq!(suspended.status, 200, "{fault:?}: {}", suspended.body);
    assert_eq!(get(&bench, "/api/auth/me", &access).await.status, 403, "{fault:?}");
    assert!(bench.faults.stop() > 0, "{fault:?} never happened");
    for _ in 0..3 {
        bench.advance(Duration::seconds(61));
        work(&bench).await;
    }
    let count = async |query: &str| {
        let page = get(&bench, &format!("/api/admin/audit?{query}"), &admin).await.json();
        page["metadata"]["total"].clone()
    };
    for (action, expected) in [
        ("token.issued", 6),
        ("connection.created", 1),
        ("export.created", 1),
        ("erasure.requested", 1),
        ("user.status_changed", 1),
    ] {
        assert_eq!(count(&format!("action={action}")).await, expected, "{fault:?} {action}");
    }
    assert_eq!(count(&format!("action=auth.sign_in&actorId={}", ann.id.wire())).await, 1, "{fault:?}");
}

async fn outsend_flow(fault: Fault) {
    let bench = Bench::start().await.unwrap();
    bench.faults.every(if fault == Fault::Conflict { 2 } else { 6 }, fault);
    let body = json!({"email": "dana@example.com", "password": "correct horse 1", "accept_responsibility": true});
    let signed_up = outsend(&bench, "POST", "/api/auth/signup", &[], &body).await;
    assert_eq!(signed_up.status, 200, "{fault:?}: {}", signed_up.body);
    let cookie = signed_up.header("set-cookie").split(';').next().unwrap().to_owned();
    let headers = [("cookie", cookie.as_str())];
    for number in 0..5 {
        let made = outsend(&bench, "POST", "/api/api-keys", &headers, &json!({"name": number.to_string()})).await;
        assert_eq!(made.status, 200, "{fault:?}: {}", made.body);
    }
    let listed = outsend(&bench, "GET", "/api/api-keys", &headers, &Value::Null).await.json();
    let rows = listed.as_array().or_else(|| listed["items"].as_array()).or_else(|| listed["api_keys"].as_array());
    assert_eq!(rows.unwrap().len(), 5, "{fault:?}: {listed}");
    let change = json!({"current_password": "correct horse 1", "new_password": "another horse 2"});
    let changed = outsend(&bench, "POST", "/api/auth/password/change", &headers, &change).await;
    assert_eq!(changed.status, 200, "{fault:?}: {}", changed.body);
    let next = changed.header("set-cookie").split(';').next().unwrap().to_owned();
    let headers = [("cookie", next.as_str())];
    let gone = outsend(&bench, "DELETE", "/api/auth/account", &headers, &json!({"password": "another horse 2"})).await;
    assert_eq!(gone.status, 200, "{fault:?}: {}", gone.body);
    assert_eq!(outsend(&bench, "GET", "/api/auth/me", &headers, &Value::Null).await.status, 401, "{fault:?}");
    assert!(bench.faults.stop() > 0, "{fault:?} never happened");
}
