//! The OpenScouter dialect over the embedded engine: accounts, tokens, administration (openscouter 2, 3, 7, 8, 17).

mod access;
mod accounts;
mod agents;
mod capture;
mod consent;
mod costs;
mod coverage;
mod crash;
mod credentials;
mod exports;
mod faults;
mod flow;
mod governance;
pub(crate) mod oauth;
mod operators;
mod providers;
mod races;
mod repeated;
pub(crate) mod research;
mod rights;
mod rules;
mod sessions;
mod studies;
mod webhooks;
mod withdrawal;

use harness::{Answer, Bench};
use local::{demo, template::Templates};
use serde_json::{Value, json};
use shared::{
    lambda::Function,
    model::{Email, Organization, OrganizationId, Plan, Role, TokenKind, User},
    secret::new_token,
    store::Token,
};

pub(crate) const PASSWORD: &str = "long enough phrase";

/// The function that the gateway routes a request to.
pub(crate) fn routed(method: &str, path: &str) -> &'static dyn Function {
    let routes = Templates::embedded().unwrap().openscouter.routes;
    let path = path.split('?').next().unwrap();
    let found = local::routing::find(&routes, method, path).unwrap();
    local::functions::ALL.into_iter().find(|known| known.name() == found.function).unwrap()
}

/// Sends a request and checks what every answer has.
pub(crate) async fn send(bench: &Bench, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let answer = bench.send(routed(method, path), method, path, headers, body.as_bytes()).await.unwrap();
    assert!(answer.header("x-request-id").len() >= 8);
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(!answer.header("cache-control").is_empty());
    assert_ne!(answer.status, 500, "{}", answer.body);
    answer
}

pub(crate) async fn post(bench: &Bench, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    send(bench, "POST", path, &all, &body.to_string()).await
}

pub(crate) async fn get(bench: &Bench, path: &str, credential: &str) -> Answer {
    send(bench, "GET", path, &[("authorization", credential)], "").await
}

pub(crate) fn error(answer: &Answer) -> String {
    let body = answer.json();
    let members: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["success", "data", "error", "metadata"]);
    assert_eq!((&body["success"], &body["data"], &body["metadata"]), (&json!(false), &Value::Null, &Value::Null));
    body["error"].as_str().unwrap().to_owned()
}

pub(crate) fn told(answer: &Answer) -> (u64, String) {
    (answer.status, error(answer))
}

pub(crate) fn data(answer: &Answer) -> Value {
    let body = answer.json();
    assert_eq!((&body["success"], &body["error"]), (&json!(true), &Value::Null), "{}", answer.body);
    body["data"].clone()
}

/// A person with a verified address.
pub(crate) async fn person(bench: &Bench, role: Role, email: &str) -> User {
    let now = bench.context.clock().now();
    let organization = Organization {
        id: OrganizationId::at(now),
        name: "Roe Ltd".to_owned(),
        plan: Plan::Free,
        billing_exempt: true,
        created_at: now,
    };
    let email = Email::parse(email).unwrap();
    let made = demo::create_person(&bench.context, &organization, role, (&email, "Dana Roe"), PASSWORD).await;
    made.unwrap().unwrap()
}

pub(crate) async fn sign_in(bench: &Bench, email: &str) -> Value {
    data(&post(bench, "/api/auth/sign-in", &[], &json!({"email": email, "password": PASSWORD})).await)
}

/// The `Authorization` of a new sign-in.
pub(crate) async fn bearer(bench: &Bench, email: &str) -> String {
    format!("Bearer {}", sign_in(bench, email).await["accessToken"].as_str().unwrap())
}

/// A one-time token, as a mail would bring it.
pub(crate) async fn one_time(bench: &Bench, email: &str, kind: TokenKind) -> String {
    let store = bench.context.store();
    let user = store.account_by_email(&Email::parse(email).unwrap()).await.unwrap().unwrap().user;
    let (plain, hash) = new_token("").unwrap();
    let token = Token { hash, kind, user: user.id, email: user.email };
    store.issue_token(&token, bench.context.clock().now()).await.unwrap();
    plain
}

/// Does the work that waits, as the stream's consumer would.
pub(crate) async fn work(bench: &Bench) {
    bench.invoke(&background_work::FUNCTION, bytes::Bytes::from_static(b"{}")).await.unwrap();
}
