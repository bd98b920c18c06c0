//! `POST /api/auth/password/change`: changes the password and ends every other session (outsend 6.2).

use harness::{
    Bench,
    outsend::{PASSWORD, confirmed, cookie, detail, me, new_key, post},
    snapshot,
};
use serde_json::json;

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let bench = Bench::start().await.unwrap();
    let first = confirmed(&bench, "dana@example.com").await;
    let login = json!({"email": "dana@example.com", "password": PASSWORD});
    let second = cookie(&post(&bench, "/api/auth/login", &[], &login).await);
    assert_eq!(me(&bench, &[("cookie", &second)]).await.status, 200);
    let key = new_key(&bench, &first, &json!({"name": "CI"})).await.json()["key"].as_str().unwrap().to_owned();
    let path = "/api/auth/password/change";
    let caller = [("cookie", first.as_str())];
    let wrong = post(&bench, path, &caller, &json!({"current_password": "no 1", "new_password": "another 22"})).await;
    assert_eq!((wrong.status, detail(&wrong).as_str()), (400, "Current password is incorrect."));
    let same = post(&bench, path, &caller, &json!({"current_password": PASSWORD, "new_password": PASSWORD})).await;
    assert_eq!((same.status, same.json()["errors"][0]["field"].as_str()), (422, Some("new_password")));
    let by_key = post(&bench, path, &[("x-api-key", key.as_str())], &json!({})).await;
    assert_eq!((by_key.status, detail(&by_key).as_str()), (403, "This endpoint requires a browser session."));
    let body = json!({"current_password": PASSWORD, "new_password": "another 22"});
    let changed = post(&bench, path, &caller, &body).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(changed.header("ratelimit-policy"), "\"pwchange\";q=5;w=3600");
    for dead in [&first, &second] {
        assert_eq!(me(&bench, &[("cookie", dead)]).await.status, 401);
    }
    assert_eq!(me(&bench, &[("cookie", &cookie(&changed))]).await.status, 200);
    assert_eq!(me(&bench, &[("x-api-key", &key)]).await.status, 200, "keys stay");
    assert_eq!(post(&bench, "/api/auth/login", &[], &login).await.status, 401);
    let login = json!({"email": "dana@example.com", "password": "another 22"});
    assert_eq!(post(&bench, "/api/auth/login", &[], &login).await.status, 200);
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let session = confirmed(&bench, "dana@example.com").await;
    let body = json!({"current_password": PASSWORD, "new_password": "another 22"});
    let answer = post(&bench, "/api/auth/password/change", &[("cookie", &session)], &body).await;
    snapshot!("auth-password-change", &answer);
}
