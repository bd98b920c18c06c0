//! People and credentials of the OpenScouter dialect, and what its answers say (openscouter 2, 3, 7).

pub mod billing;
pub mod chats;
pub mod exports;
pub mod ingestion;
pub mod oauth;
pub mod outreach;
pub mod proposals;
pub mod provider;
pub mod stripe;
pub mod studies;
pub mod team;
pub mod telegram;

use base64::Engine as _;
use local::people;
use serde_json::{Value, json};
use shared::{
    model::{Email, Organization, OrganizationId, Plan, Role, SignUpOf, TokenKind, User},
    secret::new_token,
    store::{SharedList, Token},
};
use time::Duration;

use crate::{
    Answer, Bench,
    cost::{Cost, measured},
    functions::{Api, routed},
};

/// Everybody's password.
pub const PASSWORD: &str = "long enough phrase";

/// Sends a request and checks what every answer has.
pub async fn send(bench: &Bench, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let answer =
        bench.send(routed(Api::OpenScouter, method, path), method, path, headers, body.as_bytes()).await.unwrap();
    assert!(answer.header("x-request-id").len() >= 8);
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(!answer.header("cache-control").is_empty());
    assert_ne!(answer.status, 500, "{}", answer.body);
    answer
}

/// Posts a body.
pub async fn post(bench: &Bench, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    send(bench, "POST", path, &all, &body.to_string()).await
}

/// Changes something.
pub async fn patch(bench: &Bench, caller: &str, path: &str, body: &Value) -> Answer {
    let headers = [("authorization", caller), ("content-type", "application/json")];
    send(bench, "PATCH", path, &headers, &body.to_string()).await
}

/// A GET with a credential.
pub async fn get(bench: &Bench, path: &str, credential: &str) -> Answer {
    send(bench, "GET", path, &[("authorization", credential)], "").await
}

/// Sends a request a second after the last one: what is counted is the limits' business.
pub async fn ask(bench: &Bench, credential: &str, method: &str, path: &str, body: &Value) -> Answer {
    bench.advance(Duration::seconds(1));
    if method == "GET" && ["/api/sessions", "/api/jobs"].contains(&path.split('?').next().unwrap_or_default()) {
        lists_follow(bench).await;
    }
    let headers = [("authorization", credential), ("content-type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send(bench, method, path, &headers, &body).await
}

/// Lets the lists of sessions follow, as they do within about a second (openscouter 2.7): where others are in the way, or
/// the machine is busy, a session is not in them at once.
pub async fn lists_follow(bench: &Bench) {
    let (store, clock) = (bench.context.store(), bench.context.clock());
    let _aside = bench.faults.beside_functions();
    // what goes wrong here goes wrong for a drainer, who comes again
    let _ = store.drain_left(SharedList::TestSessions, clock, clock.now() + Duration::seconds(30)).await;
}

/// Lets the places of testers follow what was written of them (openscouter 2.7, 14.1).
pub async fn testers_follow(bench: &Bench) {
    let (store, clock) = (bench.context.store(), bench.context.clock());
    let _aside = bench.faults.beside_functions();
    let _ = store.drain_left(SharedList::Testers, clock, clock.now() + Duration::seconds(30)).await;
}

/// As [`ask`], for a GET.
pub async fn read(bench: &Bench, credential: &str, path: &str) -> Answer {
    ask(bench, credential, "GET", path, &Value::Null).await
}

/// An error's text, of an answer that is an error's.
pub fn error(answer: &Answer) -> String {
    let body = answer.json();
    let members: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["success", "data", "error", "metadata"]);
    assert_eq!((&body["success"], &body["data"], &body["metadata"]), (&json!(false), &Value::Null, &Value::Null));
    body["error"].as_str().unwrap().to_owned()
}

/// The status and the text of an error.
pub fn told(answer: &Answer) -> (u64, String) {
    (answer.status, error(answer))
}

/// What a success brings.
pub fn data(answer: &Answer) -> Value {
    let body = answer.json();
    assert_eq!((&body["success"], &body["error"]), (&json!(true), &Value::Null), "{}", answer.body);
    body["data"].clone()
}

/// A field that is refused, as [`told`] has it.
#[must_use]
pub fn refused(text: &str) -> (u64, String) {
    (422, text.to_owned())
}

/// Something that is not there, as [`told`] has it.
#[must_use]
pub fn missing(what: &str) -> (u64, String) {
    (404, format!("{what} not found"))
}

/// A caller in the wrong role, as [`told`] has it.
pub fn role() -> (u64, String) {
    (403, "You do not have permission to perform this action".to_owned())
}

/// Any error, as [`told`] has it.
pub fn says(status: u64, text: &str) -> (u64, String) {
    (status, text.to_owned())
}

/// A person with a verified address.
pub async fn person(bench: &Bench, role: Role, email: &str) -> User {
    let now = bench.context.clock().now();
    let organization = Organization {
        id: OrganizationId::at(now),
        name: "Roe Ltd".to_owned(),
        plan: Plan::Free,
        billing_exempt: true,
        created_at: now,
    };
    let email = Email::parse(email).unwrap();
    let made = people::create_person(&bench.context, &organization, role, (&email, "Dana Roe"), PASSWORD).await;
    made.unwrap().unwrap()
}

/// The account with an address.
pub async fn user(bench: &Bench, email: &str) -> User {
    let account = bench.context.store().account_by_email(&Email::parse(email).unwrap()).await;
    account.unwrap().unwrap().user
}

/// What the sign-up of a business sends.
pub fn sign_up_body(email: &str) -> Value {
    json!({"role": "business", "email": email, "password": PASSWORD, "fullName": "Dana Roe", "companyName": "Roe Ltd"})
}

/// A new sign-in.
pub async fn sign_in(bench: &Bench, email: &str) -> Value {
    data(&post(bench, "/api/auth/sign-in", &[], &json!({"email": email, "password": PASSWORD})).await)
}

/// The `Authorization` of a new sign-in.
pub async fn bearer(bench: &Bench, email: &str) -> String {
    format!("Bearer {}", sign_in(bench, email).await["accessToken"].as_str().unwrap())
}

/// The `Authorization` of an access token in an answer.
#[must_use]
pub fn access(session: &Value) -> String {
    format!("Bearer {}", session["accessToken"].as_str().unwrap())
}

/// A new API token of a caller.
pub async fn new_token_of(bench: &Bench, caller: &str, scopes: &[&str]) -> Value {
    data(&post(bench, "/api/tokens", &[("authorization", caller)], &json!({"name": "x", "scopes": scopes})).await)
}

/// The `Authorization` of a new API token of a caller.
pub async fn api_token(bench: &Bench, caller: &str, scopes: &[&str]) -> String {
    format!("Token {}", new_token_of(bench, caller, scopes).await["token"].as_str().unwrap())
}

/// A one-time token, as a mail would bring it.
pub async fn one_time(bench: &Bench, email: &str, kind: TokenKind) -> String {
    let store = bench.context.store();
    let user = user(bench, email).await;
    let (plain, hash) = new_token("").unwrap();
    // one that verifies belongs to the sign-up that made the account
    let token = Token { sign_up: SignUpOf::First, ..Token::of(&user, kind, hash) };
    store.issue_token(&token, bench.context.clock().now()).await.unwrap();
    plain
}

/// Does the work that waits, as the stream's consumer would.
pub async fn work(bench: &Bench) {
    bench.insist(&background_work::FUNCTION, bytes::Bytes::from_static(b"{}")).await.unwrap();
}

/// Does what is due for a while after an account was asked to be forgotten, thirty days later.
pub async fn erase_due(bench: &Bench) {
    bench.advance(Duration::days(31));
    // what would have reminded of something that is gone goes when it comes due
    bench.insist(&background_reminders::FUNCTION, bytes::Bytes::from_static(b"{}")).await.unwrap();
    for _ in 0..4 {
        work(bench).await;
        bench.advance(Duration::minutes(2));
    }
}

/// What a GET cost.
pub async fn cost(bench: &Bench, credential: &str, path: &str) -> Cost {
    let (answer, cost) =
        measured(async |id| send(bench, "GET", path, &[("authorization", credential), ("x-request-id", id)], "").await)
            .await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    cost
}

/// The claims of an access token.
pub fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
