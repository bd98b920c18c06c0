//! Routes, methods and request ids (openscouter 2.4, 2.8).

use harness::{
    Bench,
    openscouter::{send, team::Team, told},
};
use serde_json::Value;

#[tokio::test]
async fn routes_and_methods() {
    let bench = Bench::start().await.unwrap();
    for path in ["/api", "/api/", "/api/auth/me/", "/api/Auth/me", "/api/tokens/x/y", "/api/v1", "/x"] {
        assert_eq!(told(&send(&bench, "GET", path, &[], "").await), (404, "Route not found".to_owned()), "{path}");
    }
    for (method, path, allow) in [
        ("GET", "/api/auth/sign-in", "POST, OPTIONS"),
        ("HEAD", "/api/auth/me", "GET, OPTIONS"),
        ("DELETE", "/api/tokens", "GET, POST, OPTIONS"),
        ("PUT", "/api/tokens/x", "DELETE, OPTIONS"),
        ("PATCH", "/api/oauth/authorize", "GET, POST, OPTIONS"),
    ] {
        let answer = send(&bench, method, path, &[], "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, allow), "{method} {path}");
    }
}

#[tokio::test]
async fn request_ids() {
    let bench = Bench::start().await.unwrap();
    for (given, kept) in [("abcd.EF_-1", true), ("short", false), ("not an id", false)] {
        let answer = send(&bench, "GET", "/api/x", &[("x-request-id", given)], "").await;
        assert_eq!(answer.header("x-request-id") == given, kept, "{given}");
    }
}

#[tokio::test]
async fn a_named_segment_goes_before_a_parameter() {
    let team = Team::start().await;
    let missing = (404, "Report not found".to_owned());
    assert_eq!(told(&team.owner("GET", "/api/reports/job", &Value::Null).await), missing);
    let anonymous = send(&team.bench, "GET", "/api/reports/job", &[], "").await;
    assert_eq!(told(&anonymous), (401, "Missing credentials".to_owned()));
    let wrong = team.owner("POST", "/api/reports/job", &Value::Null).await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, "GET, OPTIONS"));
    // `page` is a study's id here, and no study has it
    for method in ["GET", "POST"] {
        let answer = team.owner(method, "/api/reports/job/page", &Value::Null).await;
        assert_eq!(told(&answer), (404, "Study not found".to_owned()), "{method}");
    }
}
