//! A client of the OAuth 2.1 authorization server (openscouter 3.5, 8, 8.1).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::{http::query::Query, model::User};

use super::{PASSWORD, get, post, send};
use crate::{Answer, Bench};

/// What a code's client proves itself with.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mBpzXOIwZ5-NOSCALB8Eqjgnzf6r4o0";

/// Where a client is called back.
pub const CALLBACK: &str = "http://localhost:33418/callback";

/// The resource of this API.
pub const API: Option<&str> = Some("https://api.test/api");

/// base64url of SHA-256, as RFC 7636 has it.
#[must_use]
pub fn challenge(verifier: &str) -> String {
    let digest = shared::secret::sha256_hex(verifier.as_bytes());
    let bytes: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&digest[at * 2..at * 2 + 2], 16).unwrap()).collect();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A form's fields as a browser sends them.
pub fn encoded(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| {
        format!("{name}={}", value.replace('%', "%25").replace('+', "%2B").replace('&', "%26").replace(' ', "+"))
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// Posts a form.
pub async fn form(bench: &Bench, path: &str, pairs: &[(&str, &str)]) -> Answer {
    send(bench, "POST", path, &[("content-type", "application/x-www-form-urlencoded")], &encoded(pairs)).await
}

/// A new client; its id.
pub async fn register(bench: &Bench) -> String {
    let body = json!({"redirect_uris": [CALLBACK], "client_name": "A <client>"});
    let answer = post(bench, "/api/oauth/register", &[], &body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["client_id"].as_str().unwrap().to_owned()
}

/// The transaction in a page's form.
pub fn hidden(page: &Answer) -> String {
    let (_, rest) = page.body.split_once("name=\"transaction\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// The parameters of the address that an answer leads to.
pub fn location(answer: &Answer) -> (String, Query) {
    assert_eq!(answer.status, 302, "{}", answer.body);
    let (target, query) = answer.header("location").split_once('?').unwrap();
    (target.to_owned(), Query::parse(query))
}

/// Asks for authorization, with parameters changed or left out.
pub async fn begin(bench: &Bench, client: &str, change: &[(&str, Option<&str>)]) -> Answer {
    let challenge = challenge(VERIFIER);
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("state", "a b"),
    ];
    for (name, value) in change {
        pairs.retain(|(known, _)| known != name);
        pairs.extend(value.map(|value| (*name, value)));
    }
    send(bench, "GET", &format!("/api/oauth/authorize?{}", encoded(&pairs)), &[], "").await
}

/// The consent page of a user who signed in.
pub async fn consent(bench: &Bench, client: &str, email: &str, change: &[(&str, Option<&str>)]) -> Answer {
    let page = begin(bench, client, change).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let transaction = hidden(&page);
    let fields = [("transaction", transaction.as_str()), ("email", email), ("password", PASSWORD)];
    form(bench, "/api/oauth/authorize", &fields).await
}

/// The consent of a user who sees its page.
pub async fn approve(bench: &Bench, page: &Answer, user: &User, draft: bool) -> Answer {
    let (transaction, workspace) = (hidden(page), user.organization.wire());
    let mut fields = vec![("transaction", transaction.as_str()), ("workspace", &workspace), ("action", "approve")];
    if draft {
        fields.push(("draft", "yes"));
    }
    form(bench, "/api/oauth/authorize", &fields).await
}

/// The code of a new consent.
pub async fn code(bench: &Bench, client: &str, user: &User, resource: Option<&str>) -> String {
    let page = consent(bench, client, user.email.as_str(), &[("resource", resource)]).await;
    let answer = approve(bench, &page, user, true).await;
    location(&answer).1.last("code").unwrap().to_owned()
}

/// The tokens for a code.
pub async fn exchange(bench: &Bench, client: &str, code: &str) -> Answer {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("client_id", client),
        ("code_verifier", VERIFIER),
    ];
    form(bench, "/api/oauth/token", &fields).await
}

/// The tokens for a refresh token.
pub async fn refresh(bench: &Bench, client: &str, token: &Value, scope: Option<&str>) -> Answer {
    let mut fields =
        vec![("grant_type", "refresh_token"), ("refresh_token", token.as_str().unwrap()), ("client_id", client)];
    fields.extend(scope.map(|scope| ("scope", scope)));
    form(bench, "/api/oauth/token", &fields).await
}

/// The status and the error of an answer, as the RFCs have it.
pub fn rfc(answer: &Answer) -> (u64, String) {
    let body = answer.json();
    assert!(body["error_description"].is_string(), "{}", answer.body);
    (answer.status, body["error"].as_str().unwrap().to_owned())
}

/// Who the access token of an answer stands for.
pub async fn me(bench: &Bench, tokens: &Value) -> Answer {
    get(bench, "/api/auth/me", &format!("Bearer {}", tokens["access_token"].as_str().unwrap())).await
}

/// The `Authorization` of a new connection of a user.
pub async fn connected(bench: &Bench, user: &User) -> String {
    connected_for(bench, user, API).await
}

/// The `Authorization` of a new connection of a user to the MCP server, which may make drafts.
pub async fn connected_for_mcp(bench: &Bench, user: &User) -> String {
    connected_for(bench, user, None).await
}

async fn connected_for(bench: &Bench, user: &User, resource: Option<&str>) -> String {
    let client = register(bench).await;
    let code = code(bench, &client, user, resource).await;
    let tokens = exchange(bench, &client, &code).await.json();
    format!("Bearer {}", tokens["access_token"].as_str().unwrap())
}

/// The `Authorization` of a connection that `person` allowed to the organization of `owner`.
pub async fn connected_to(bench: &Bench, person: &User, owner: &User) -> String {
    let client = register(bench).await;
    let page = consent(bench, &client, person.email.as_str(), &[("resource", API)]).await;
    let answer = approve(bench, &page, owner, true).await;
    let code = location(&answer).1.last("code").unwrap().to_owned();
    let tokens = exchange(bench, &client, &code).await.json();
    format!("Bearer {}", tokens["access_token"].as_str().unwrap())
}
