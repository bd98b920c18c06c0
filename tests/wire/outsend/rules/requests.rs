//! What is no request, and what is routed nowhere (outsend 1, 2).

use harness::{
    Bench,
    outsend::{detail, jobs::World, send},
};
use serde_json::json;

#[tokio::test]
async fn what_is_no_request_changes_nothing() {
    let bench = Bench::start().await.unwrap();
    let login = "/api/auth/login";
    let large = format!("{{\"email\":\"{}\"}}", "x".repeat(65_536));
    let json = [("content-type", "application/json; charset=utf-8")];
    for (headers, body, status, text) in [
        (&[("content-type", "text/plain")], "{}", 400, "Content-Type must be application/json."),
        (&json, "", 400, "Request body is not valid JSON."),
        (&json, "{", 400, "Request body is not valid JSON (line 1, column 1)."),
        (&json, "{\n \"email\": a}", 400, "Request body is not valid JSON (line 2, column 11)."),
        (&json, "[]", 400, "Request body is not valid JSON."),
        (&json, large.as_str(), 413, "Request body is too large."),
    ] {
        let answer = send(&bench, "POST", login, headers.as_slice(), body).await;
        assert_eq!((answer.status, detail(&answer).as_str()), (status, text), "{body:.20}");
    }
    for (method, path, status) in [
        ("GET", "/api/auth/login", 405),
        ("HEAD", "/api/auth/me", 405),
        ("OPTIONS", "/api/auth/me", 405),
        ("GET", "/api/auth/me/", 404),
        ("POST", "/api", 404),
        ("GET", "/", 404),
        ("GET", "/api/auth/password", 404),
        ("GET", "/api/api-keys/x/y", 404),
    ] {
        assert_eq!(send(&bench, method, path, &[], "").await.status, status, "{method} {path}");
    }
    let answer = send(&bench, "PATCH", "/api/api-keys", &[], "").await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, POST"));
}

#[tokio::test]
async fn too_much_is_told_after_route_and_method_and_in_the_caller_s_language() {
    let bench = Bench::with(&[("OUTSCOUT_OUTSEND_CORS_ORIGINS", "https://app.example")]).await.unwrap();
    let large = format!("{{\"email\":\"{}\"}}", "x".repeat(65_536));
    let caller = [("accept-language", "fr"), ("origin", "https://app.example")];
    for (method, path, status) in
        [("POST", "/api/nowhere", 404), ("PUT", "/api/auth/login", 405), ("POST", "/api/auth/login", 413)]
    {
        let answer = send(&bench, method, path, &caller, &large).await;
        assert_eq!((answer.status, answer.header("content-language")), (status, "fr"), "{method} {path}");
        assert_eq!(answer.header("access-control-allow-origin"), "https://app.example", "{method} {path}");
    }
}

#[tokio::test]
async fn whatever_was_counted_says_what_is_left() {
    let world = World::start().await;
    let id = world.verification(&["a@one.test"]).await;
    for (method, path, body, status) in [
        ("GET", "/api/jobs", "", 200),
        ("GET", "/api/jobs/j_01KSMB92NRM7N8P9Q0R1S2T3V4", "", 404),
        ("GET", &*format!("/api/jobs/{id}/items?limit=0"), "", 422),
        ("DELETE", &format!("/api/jobs/{id}"), "", 400),
        ("POST", "/api/jobs/verify-emails", "{", 400),
        ("POST", "/api/jobs/verify-emails", "{}", 422),
    ] {
        let answer = world.call(method, path, &[("x-api-key", &world.key)], body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert!(
            answer.header("ratelimit").contains(";r=") && answer.header("ratelimit-policy").contains(";q="),
            "{path}"
        );
    }
    let unknown =
        world.call("POST", "/api/auth/login", &[], &json!({"email": "x@y.test", "password": "z"}).to_string()).await;
    assert!(unknown.status == 401 && unknown.header("ratelimit").starts_with("\"login\";r=4"), "{unknown:?}");
}
