//! Accounts, sessions and keys of the Outsend dialect (outsend 2-6).

pub mod brand;
pub mod jobs;
pub mod pipelines;
pub mod veille;
pub mod webhooks;

use serde_json::{Value, json};
use shared::{
    model::{Email, User},
    store::ChangeWith,
};

use crate::{
    Answer, Bench,
    functions::{Api, routed},
};

/// The password of who signs up.
pub const PASSWORD: &str = "correct horse 1";

/// Sends a request and checks what every answer has.
pub async fn send(bench: &Bench, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let answer = bench.send(routed(Api::Outsend, method, path), method, path, headers, body.as_bytes()).await.unwrap();
    assert!(answer.header("x-request-id").len() >= 8);
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_ne!(answer.status, 500, "{}", answer.body);
    answer
}

/// Posts a body.
pub async fn post(bench: &Bench, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    send(bench, "POST", path, headers, &body.to_string()).await
}

/// Sends a body as JSON, whatever else is looked at.
pub async fn ask(bench: &Bench, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    bench.send(routed(Api::Outsend, method, path), method, path, &all, body.to_string().as_bytes()).await.unwrap()
}

/// `name=value` of the cookie that an answer sets.
pub fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// What a sign-up sends.
pub fn sign_up_body(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD, "accept_responsibility": true})
}

/// The cookie of a new account.
pub async fn signed_up(bench: &Bench, email: &str) -> String {
    let answer = post(bench, "/api/auth/signup", &[], &sign_up_body(email)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    cookie(&answer)
}

/// The cookie of a new account whose address is confirmed.
pub async fn confirmed(bench: &Bench, email: &str) -> String {
    let cookie = signed_up(bench, email).await;
    change(bench, email, |user| user.verified = true).await;
    cookie
}

/// The cookie of a new session.
pub async fn log_in(bench: &Bench, email: &str, password: &str) -> String {
    let body = json!({"email": email, "password": password});
    let answer = ask(bench, "POST", "/api/auth/login", &[], &body).await;
    cookie(&answer)
}

/// Who the caller is.
pub async fn me(bench: &Bench, headers: &[(&str, &str)]) -> Answer {
    send(bench, "GET", "/api/auth/me", headers, "").await
}

/// Makes a key in a session.
pub async fn new_key(bench: &Bench, session: &str, body: &Value) -> Answer {
    post(bench, "/api/api-keys", &[("cookie", session)], body).await
}

/// Makes a key with any credential.
pub async fn new_key_with(bench: &Bench, headers: &[(&str, &str)]) -> Answer {
    post(bench, "/api/api-keys", headers, &json!({"name": "k"})).await
}

/// An error's text.
pub fn detail(answer: &Answer) -> String {
    answer.json()["detail"].as_str().unwrap_or_default().to_owned()
}

/// Stores the account with this address changed.
pub async fn change(bench: &Bench, email: &str, change: impl FnOnce(&mut User)) {
    let store = bench.context.store();
    let mut user = store.account_by_email(&Email::parse(email).unwrap()).await.unwrap().unwrap().user;
    change(&mut user);
    assert!(store.change_user(&user, ChangeWith::default()).await.unwrap());
}
