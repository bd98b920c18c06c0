//! `GET /api/auth/export`: all that is kept of the caller (outsend 6.4).

use harness::{
    Bench,
    outsend::{PASSWORD, change, confirmed, cookie, me, new_key, post, send},
    snapshot,
};
use serde_json::{Value, json};
use time::Duration;

#[tokio::test]
async fn an_export_holds_what_is_kept_and_no_secret() {
    let bench = Bench::start().await.unwrap();
    let session = confirmed(&bench, "dana@example.com").await;
    let caller = [("cookie", session.as_str())];
    let key = new_key(&bench, &session, &json!({"name": "CI"})).await.json();
    bench.advance(Duration::days(2));
    let login = json!({"email": "dana@example.com", "password": PASSWORD});
    let ended = cookie(&post(&bench, "/api/auth/login", &[], &login).await);
    send(&bench, "POST", "/api/auth/logout", &[("cookie", &ended)], "").await;
    assert_eq!(cookie(&me(&bench, &caller).await), session, "moved");
    let caller_only = [("cookie", session.as_str()), ("content-type", "application/json")];
    let opened = post(&bench, "/api/feedback", &caller_only, &json!({"subject": "Export", "message": "Add ODS"})).await;
    let voted = post(&bench, "/api/modules-registry/reviews/interest", &caller_only, &json!({"message": "soon"})).await;
    change(&bench, "dana@example.com", |user| user.active = false).await;
    let answer = send(&bench, "GET", "/api/auth/export", &caller, "").await;
    assert_eq!(answer.status, 200, "a deactivated account has a right to it");
    let body = answer.json();
    let exported = body["exported_at"].as_str().unwrap();
    let name = format!("attachment; filename=\"outsend-export-1-{}.json\"", exported[..10].replace('-', ""));
    assert_eq!(answer.header("content-disposition"), name);
    let at = |path: &str| {
        let text = body.pointer(path).and_then(Value::as_str).unwrap();
        time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).unwrap()
    };
    assert!(at("/exported_at") > at("/sessions/0/created_at"));
    assert_eq!(body["sessions"].as_array().unwrap().len(), 1);
    let length = at("/sessions/0/expires_at") - at("/sessions/0/created_at");
    assert!((Duration::days(9)..Duration::days(9) + Duration::MINUTE).contains(&length), "{length}");
    assert_eq!((&body["api_keys"][0]["id"], body["api_keys"].as_array().unwrap().len()), (&key["id"], 1));
    let threads = body["feedback"].as_array().unwrap();
    let found = |id: &Value| threads.iter().find(|thread| thread["id"] == *id).unwrap();
    assert_eq!((threads.len(), found(&opened.json()["id"])), (2, &opened.json()), "with its messages");
    assert_eq!(found(&voted.json()["thread_id"])["messages"][0]["message"], "soon");
    for secret in [session.split_once('=').unwrap().1, key["key"].as_str().unwrap(), "$argon2"] {
        assert!(!answer.body.contains(secret));
    }
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let session = confirmed(&bench, "dana@example.com").await;
    new_key(&bench, &session, &json!({"name": "CI"})).await;
    let answer = send(&bench, "GET", "/api/auth/export", &[("cookie", &session)], "").await;
    snapshot!("auth-export", &answer);
}
