//! Sessions and accounts, whatever the endpoint (outsend 4, 5).

use harness::{
    Bench,
    outsend::{PASSWORD, change, cookie, detail, me, new_key, post, send, signed_up},
};
use serde_json::json;
use time::Duration;

#[tokio::test]
async fn a_deactivated_account_reads_and_changes_nothing() {
    let bench = Bench::start().await.unwrap();
    let session = signed_up(&bench, "dana@example.com").await;
    let caller = [("cookie", session.as_str())];
    assert_eq!(me(&bench, &caller).await.status, 200);
    change(&bench, "dana@example.com", |user| user.active = false).await;
    let own = me(&bench, &caller).await;
    assert_eq!((own.status, own.json()["user"]["is_active"].as_bool()), (200, Some(false)));
    assert_eq!(send(&bench, "GET", "/api/api-keys", &caller, "").await.status, 200);
    let refused = new_key(&bench, &session, &json!({"name": "CI"})).await;
    assert_eq!((refused.status, detail(&refused).as_str()), (403, "Account is deactivated."));
    let login = json!({"email": "dana@example.com", "password": PASSWORD});
    assert_eq!(post(&bench, "/api/auth/login", &[], &login).await.status, 403);
    let login = json!({"email": "dana@example.com", "password": "wrong 1"});
    assert_eq!(post(&bench, "/api/auth/login", &[], &login).await.status, 401, "only after the right password");
}

#[tokio::test]
async fn a_session_slides_and_ends() {
    let bench = Bench::start().await.unwrap();
    let session = signed_up(&bench, "dana@example.com").await;
    let caller = [("cookie", session.as_str())];
    bench.advance(Duration::hours(23));
    assert_eq!(me(&bench, &caller).await.header("set-cookie"), "");
    bench.advance(Duration::hours(2));
    let slid = me(&bench, &caller).await;
    assert_eq!(cookie(&slid), session, "the same value again");
    assert!(slid.header("set-cookie").contains("Max-Age=604800"));
    bench.advance(Duration::days(7) - Duration::MINUTE);
    assert_eq!(me(&bench, &caller).await.status, 200);
    bench.advance(Duration::days(7));
    let over = me(&bench, &caller).await;
    assert_eq!((over.status, over.header("ratelimit-policy")), (401, "\"anon\";q=30;w=60"));
}
