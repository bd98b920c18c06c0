//! `POST /api/auth/sign-up`: a new account (openscouter 7).

use harness::{
    Bench,
    openscouter::{post, sign_up_body, told},
    snapshot,
};
use serde_json::{Value, json};
use shared::model::{Email, Role};
use time::Duration;

#[tokio::test]
async fn sign_up_names_the_first_fault() {
    let bench = Bench::start().await.unwrap();
    let body = |name: &str, value: Value| {
        let mut body = sign_up_body("dana@example.com");
        body[name] = value;
        body
    };
    let rows = [
        (body("role", Value::Null), "role: is required"),
        (body("role", json!("admin")), "role: must be one of: business, tester"),
        (body("role", json!(1)), "role: must be a string"),
        (body("email", Value::Null), "email: is required"),
        (body("email", json!("dana@example")), "email: must be a valid email address"),
        (body("password", json!("short")), "password: must be at least 10 characters"),
        (body("password", json!("x".repeat(129))), "password: must be at most 128 characters"),
        (body("password", json!("Password123")), "password: is too common"),
        (body("password", json!("dana@example.com")), "password: is too common"),
        (body("password", json!("a\u{0}bcdefghijk")), "password: must not contain control characters"),
        (body("fullName", json!("  ")), "fullName: must not be empty"),
        (body("fullName", json!("x".repeat(121))), "fullName: must be at most 120 characters"),
        (body("companyName", Value::Null), "companyName: is required"),
        (json!([]), "body: must be an object"),
        (json!({}), "role: is required"),
    ];
    for (body, expected) in rows {
        let answer = post(&bench, "/api/auth/sign-up", &[], &body).await;
        assert_eq!(told(&answer), (422, expected.to_owned()), "{body}");
    }
    bench.advance(Duration::seconds(61));
    let mut tester = body("role", json!("tester"));
    tester["companyName"] = json!(7);
    let answer = post(&bench, "/api/auth/sign-up", &[], &tester).await;
    assert_eq!(answer.status, 202, "a tester's companyName is ignored: {}", answer.body);
    let account = bench.context.store().account_by_email(&Email::parse("dana@example.com").unwrap()).await.unwrap();
    assert_eq!(account.unwrap().user.role, Role::Tester);
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let answer = post(&bench, "/api/auth/sign-up", &[], &sign_up_body("dana@example.com")).await;
    snapshot!("auth-sign-up", &answer);
}
