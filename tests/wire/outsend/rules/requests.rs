//! What is no request, and what is routed nowhere (outsend 1, 2).

use harness::{
    Bench,
    outsend::{detail, send},
};

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
