//! Identity and research while the store throttles, conflicts, loses answers and is slow: every flow succeeds, and its
//! effects happen once.

use harness::{
    Bench,
    faults::Fault,
    openscouter::{PASSWORD, bearer, data, get, oauth::connected, one_time, person, post, send, team::Team, work},
    outsend,
};
use serde_json::{Value, json};
use shared::model::{IngestedStream, Role, TestSessionId, TokenKind};
use time::Duration;

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
    research_throttled: Fault::Throttled => research_flow,
    research_in_conflict: Fault::Conflict => research_flow,
    research_without_answers: Fault::LostAnswer => research_flow,
    research_slowed: Fault::Slow(10) => research_flow,
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

async fn research_flow(fault: Fault) {
    let team = Team::start().await;
    team.bench.faults.every(if fault == Fault::Conflict { 2 } else { 6 }, fault);
    let study = team.study(&json!({"targeting": {"countries": ["US"], "testerCount": 1}})).await;
    team.approve(&study).await;
    let begin = json!({"jobId": study, "testerId": team.user.id.wire()});
    let headers =
        [("authorization", team.admin.as_str()), ("content-type", "application/json"), ("idempotency-key", "k")];
    let begun = send(&team.bench, "POST", "/api/sessions", &headers, &begin.to_string()).await;
    assert_eq!(begun.status, 201, "{fault:?}: {}", begun.body);
    let again = send(&team.bench, "POST", "/api/sessions", &headers, &begin.to_string()).await;
    assert_eq!((again.body.as_str(), again.header("idempotency-replayed")), (begun.body.as_str(), "true"), "{fault:?}");
    let session = data(&begun)["sessionId"].as_str().unwrap().to_owned();
    let path = format!("/api/sessions/{session}");
    team.bench.advance(Duration::seconds(60));
    let event =
        |n: i64| json!({"eventType": "click", "targetSelector": "#pay", "timestamp": team.at(n * 100 - 50_000)});
    for batch in 0..8 {
        let events: Vec<_> = (0..5).map(|n| event(batch * 5 + n)).collect();
        let sent = team.tester("POST", "/api/data/events", &json!({"sessionId": session, "batch": events})).await;
        assert_eq!(data(&sent)["accepted"], 5, "{fault:?}: {}", sent.body);
    }
    for (call, status) in [("pause", "paused"), ("resume", "active"), ("pause", "paused"), ("complete", "completed")] {
        let moved = team.tester("POST", &format!("{path}/{call}"), &json!({})).await;
        assert_eq!((moved.status, &data(&moved)["status"]), (200, &json!(status)), "{fault:?}: {}", moved.body);
    }
    let own = team.tester("PUT", &format!("{path}/notes"), &json!({"notes": [{"text": "mine"}]})).await;
    assert_eq!(own.status, 200, "{fault:?}: {}", own.body);
    let settle = async || {
        for _ in 0..3 {
            team.bench.advance(Duration::seconds(61));
            work(&team.bench).await;
        }
    };
    assert_eq!(team.owner("POST", &format!("{path}/analyze"), &Value::Null).await.status, 202, "{fault:?}");
    settle().await;
    let confirmed = team.tester("POST", &format!("{path}/confirm"), &Value::Null).await;
    assert_eq!(confirmed.status, 200, "{fault:?}: {}", confirmed.body);
    for (path, body) in
        [("/api/reports".to_owned(), json!({"sessionId": session})), (format!("/api/reports/job/{study}"), Value::Null)]
    {
        assert_eq!(team.owner("POST", &path, &body).await.status, 202, "{fault:?}");
        settle().await;
    }
    assert!(team.bench.faults.stop() > 0, "{fault:?} never happened");
    settle().await;
    let notes = data(&team.tester("GET", &format!("{path}/notes"), &Value::Null).await);
    let sources: Vec<_> = notes["notes"].as_array().unwrap().iter().map(|note| &note["source"]).collect();
    let count = |source: &str| sources.iter().filter(|known| **known == source).count();
    assert_eq!((count("analyst"), count("tester"), sources.len()), (8, 1, 9), "{fault:?}: one for each moment");
    let report = data(&team.owner("GET", &format!("/api/reports/job/{study}"), &Value::Null).await);
    assert_eq!((&report["status"], &report["testerCount"]), (&json!("complete"), &json!(1)), "{fault:?}");
    let shown = data(&team.owner("GET", &format!("/api/jobs/{study}"), &Value::Null).await);
    assert_eq!(
        (&shown["status"], &shown["progress"]),
        (&json!("completed"), &json!({"sessions": 1, "completed": 1, "confirmed": 1}))
    );
    let listed = team.owner("GET", "/api/sessions?status=confirmed", &Value::Null).await.json();
    assert_eq!(listed["metadata"]["total"], 1, "{fault:?}");
    let id = TestSessionId::from_wire(&session).unwrap();
    let batches = team.bench.context.store().ingested(id, IngestedStream::Events).await.unwrap();
    assert_eq!(batches.len(), 8, "{fault:?}: each batch once");
    let generated = team.admin("GET", "/api/admin/audit?action=report.generated", &Value::Null).await.json();
    assert_eq!(generated["metadata"]["total"], 2, "{fault:?}");
}

async fn outsend_flow(fault: Fault) {
    let bench = Bench::start().await.unwrap();
    bench.faults.every(if fault == Fault::Conflict { 2 } else { 6 }, fault);
    let body = json!({"email": "dana@example.com", "password": "correct horse 1", "accept_responsibility": true});
    let signed_up = outsend::ask(&bench, "POST", "/api/auth/signup", &[], &body).await;
    assert_eq!(signed_up.status, 200, "{fault:?}: {}", signed_up.body);
    let cookie = signed_up.header("set-cookie").split(';').next().unwrap().to_owned();
    // keys need a confirmed address
    bench.faults.stop();
    outsend::change(&bench, "dana@example.com", |user| user.verified = true).await;
    bench.faults.every(if fault == Fault::Conflict { 2 } else { 6 }, fault);
    let headers = [("cookie", cookie.as_str())];
    for number in 0..5 {
        let made = outsend::ask(&bench, "POST", "/api/api-keys", &headers, &json!({"name": number.to_string()})).await;
        assert_eq!(made.status, 200, "{fault:?}: {}", made.body);
    }
    let listed = outsend::ask(&bench, "GET", "/api/api-keys", &headers, &Value::Null).await.json();
    let rows = listed.as_array().or_else(|| listed["items"].as_array()).or_else(|| listed["api_keys"].as_array());
    assert_eq!(rows.unwrap().len(), 5, "{fault:?}: {listed}");
    let change = json!({"current_password": "correct horse 1", "new_password": "another horse 2"});
    let changed = outsend::ask(&bench, "POST", "/api/auth/password/change", &headers, &change).await;
    assert_eq!(changed.status, 200, "{fault:?}: {}", changed.body);
    let next = changed.header("set-cookie").split(';').next().unwrap().to_owned();
    let headers = [("cookie", next.as_str())];
    let gone =
        outsend::ask(&bench, "DELETE", "/api/auth/account", &headers, &json!({"password": "another horse 2"})).await;
    assert_eq!(gone.status, 200, "{fault:?}: {}", gone.body);
    assert_eq!(outsend::ask(&bench, "GET", "/api/auth/me", &headers, &Value::Null).await.status, 401, "{fault:?}");
    assert!(bench.faults.stop() > 0, "{fault:?} never happened");
}
