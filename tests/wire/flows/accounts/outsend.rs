//! An account of Outsend from its sign-up to its log-out (outsend 6).

use harness::{
    Bench,
    outsend::{PASSWORD, cookie, me, post, send, sign_up_body, signed_up},
};
use serde_json::json;

#[tokio::test]
async fn from_sign_up_to_log_out() {
    let bench = Bench::start().await.unwrap();
    let answer = post(&bench, "/api/auth/signup", &[], &sign_up_body("  Dana.Roe@Example.com ")).await;
    assert_eq!(answer.status, 200);
    let mut body = answer.json();
    let created = body["user"]["created_at"].take();
    let workspace = body["user"]["workspace"]["id"].take();
    assert_eq!(created.as_str().unwrap().len(), "2026-05-27T09:12:03Z".len());
    assert!(workspace.as_str().unwrap().starts_with("ws_") && workspace.as_str().unwrap().len() == 29);
    let expected = json!({"ok": true, "user": {
        "id": 1, "email": "dana.roe@example.com", "name": "dana.roe", "email_verified": false, "is_active": true,
        "plan": "free", "locale": "en", "created_at": null, "workspace": {"id": null, "name": "dana.roe"},
    }});
    assert_eq!(body.to_string(), expected.to_string(), "members in the contract's order");
    let set = answer.header("set-cookie");
    let (value, attributes) = set.split_once(';').unwrap();
    assert_eq!(value.len(), "outsend_session=".len() + 43);
    assert_eq!(attributes, " Max-Age=604800; Path=/; HttpOnly; SameSite=Lax; Secure");
    assert_eq!(answer.header("ratelimit-policy"), "\"signup\";q=3;w=3600");
    assert!(answer.header("ratelimit").starts_with("\"signup\";r=2;t="));

    let first = cookie(&answer);
    let own = me(&bench, &[("cookie", &first)]).await;
    assert_eq!((own.status, own.header("ratelimit-policy")), (200, "\"free\";q=120;w=60"));
    assert_eq!(own.json()["user"]["workspace"]["id"], workspace);
    assert_eq!(own.json()["quota"]["ef_limit"], 10.0);
    assert_eq!(own.header("set-cookie"), "", "a fresh session is not moved");

    let login = json!({"email": "DANA.roe@example.com", "password": PASSWORD});
    let again = post(&bench, "/api/auth/login", &[], &login).await;
    assert_eq!((again.status, again.json()["user"]["id"].as_u64()), (200, Some(1)));
    let second = cookie(&again);
    assert_ne!(first, second);
    for _ in 0..2 {
        let out = send(&bench, "POST", "/api/auth/logout", &[("cookie", &first)], "").await;
        assert_eq!((out.status, out.body.as_str()), (200, r#"{"ok":true}"#));
        assert!(out.header("set-cookie").starts_with("outsend_session=; Max-Age=0;"));
        assert_eq!(me(&bench, &[("cookie", &first)]).await.status, 401, "refused from the next request on");
    }
    assert_eq!(me(&bench, &[("cookie", &second)]).await.status, 200, "the other session stays");
    let next = signed_up(&bench, "next@example.com").await;
    assert!(me(&bench, &[("cookie", &next)]).await.json()["user"]["id"].as_u64().unwrap() > 1);
}
