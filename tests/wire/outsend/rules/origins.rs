//! Pages of other sites (outsend 4).

use harness::{
    Bench,
    outsend::{PASSWORD, confirmed, me, new_key, new_key_with, post, send},
};
use serde_json::json;

#[tokio::test]
async fn another_site_s_page_cannot_act() {
    let bench = Bench::with(&[("OUTSCOUT_OUTSEND_CORS_ORIGINS", "https://app.test")]).await.unwrap();
    let session = confirmed(&bench, "dana@example.com").await;
    let key = new_key(&bench, &session, &json!({"name": "CI"})).await.json()["key"].as_str().unwrap().to_owned();
    for (name, value, status) in [
        ("sec-fetch-site", "cross-site", 403),
        ("origin", "null", 403),
        ("origin", "https://evil.test", 403),
        ("origin", "http://api.test", 403),
        ("origin", "https://api.test", 200),
        ("origin", "https://app.test", 200),
        ("sec-fetch-site", "same-origin", 200),
    ] {
        let headers = [("cookie", session.as_str()), (name, value)];
        let answer = new_key_with(&bench, &headers).await;
        assert_eq!(answer.status, status, "{name}: {value}");
        assert_eq!(me(&bench, &headers).await.status, 200, "reading is not acting");
        let login = post(&bench, "/api/auth/login", &headers, &json!({"email": "a@b.cd", "password": "wrong 1"})).await;
        assert_eq!(login.status, if status == 403 { 403 } else { 401 }, "{name}: {value}");
        let by_key = send(&bench, "PATCH", "/api/api-keys", &[("x-api-key", &key), (name, value)], "").await;
        assert_eq!(by_key.status, 405, "keys are not sent by a browser on its own");
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, if value == "https://app.test" { value } else { "" });
    }
    let elsewhere = [("cookie", session.as_str()), ("origin", "https://app.test"), ("sec-fetch-site", "cross-site")];
    assert_eq!(new_key_with(&bench, &elsewhere).await.status, 200, "who is listed may be on another site");
    let preflight = send(&bench, "OPTIONS", "/api/api-keys", &[("origin", "https://app.test")], "").await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-credentials")), (200, "true"));
    assert_eq!(send(&bench, "OPTIONS", "/api/api-keys", &[("origin", "https://evil.test")], "").await.status, 405);
    assert_eq!(send(&bench, "OPTIONS", "/api/nothing", &[("origin", "https://app.test")], "").await.status, 404);
}

#[tokio::test]
async fn a_listed_origin_on_another_site_gets_a_cookie_that_its_pages_may_send() {
    for (listed, rule) in [
        ("", "SameSite=Lax; Secure"),
        ("https://www.api.test,https://api.test:8443", "SameSite=Lax; Secure"),
        ("https://www.api.test,https://app.test", "SameSite=None; Secure"),
        ("http://api.test", "SameSite=None; Secure"),
    ] {
        let bench = Bench::with(&[("OUTSCOUT_OUTSEND_CORS_ORIGINS", listed)]).await.unwrap();
        let form = json!({"email": "dana@example.com", "password": PASSWORD, "accept_responsibility": true});
        let answer = post(&bench, "/api/auth/signup", &[], &form).await;
        assert!(answer.header("set-cookie").ends_with(&format!("; Path=/; HttpOnly; {rule}")), "{listed}: {answer:?}");
    }
}
