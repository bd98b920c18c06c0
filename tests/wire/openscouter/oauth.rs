//! The OAuth 2.1 authorization server (openscouter 3.5, 8, 8.1).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use harness::{Answer, Bench};
use serde_json::{Value, json};
use shared::{
    http::query::Query,
    model::{Role, User},
};
use time::Duration;

use super::{PASSWORD, bearer, data, error, get, person, post, send, told};

const VERIFIER: &str = "dBjftJeZ4CVP-mBpzXOIwZ5-NOSCALB8Eqjgnzf6r4o0";
const CALLBACK: &str = "http://localhost:33418/callback";

/// base64url of SHA-256, as RFC 7636 has it.
fn challenge() -> String {
    let digest = shared::secret::sha256_hex(VERIFIER.as_bytes());
    let bytes: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&digest[at * 2..at * 2 + 2], 16).unwrap()).collect();
    URL_SAFE_NO_PAD.encode(bytes)
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| {
        format!("{name}={}", value.replace('%', "%25").replace('+', "%2B").replace('&', "%26").replace(' ', "+"))
    });
    pairs.collect::<Vec<_>>().join("&")
}

async fn form(bench: &Bench, path: &str, pairs: &[(&str, &str)]) -> Answer {
    send(bench, "POST", path, &[("content-type", "application/x-www-form-urlencoded")], &encoded(pairs)).await
}

async fn register(bench: &Bench) -> String {
    let body = json!({"redirect_uris": [CALLBACK], "client_name": "A <client>"});
    let answer = post(bench, "/api/oauth/register", &[], &body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["client_id"].as_str().unwrap().to_owned()
}

fn hidden(page: &Answer) -> String {
    let (_, rest) = page.body.split_once("name=\"transaction\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// The parameters of the address that an answer leads to.
fn location(answer: &Answer) -> (String, Query) {
    assert_eq!(answer.status, 302, "{}", answer.body);
    let (target, query) = answer.header("location").split_once('?').unwrap();
    (target.to_owned(), Query::parse(query))
}

async fn begin(bench: &Bench, client: &str, change: &[(&str, Option<&str>)]) -> Answer {
    let challenge = challenge();
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
async fn consent(bench: &Bench, client: &str, email: &str, change: &[(&str, Option<&str>)]) -> Answer {
    let page = begin(bench, client, change).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let transaction = hidden(&page);
    let fields = [("transaction", transaction.as_str()), ("email", email), ("password", PASSWORD)];
    form(bench, "/api/oauth/authorize", &fields).await
}

async fn approve(bench: &Bench, page: &Answer, user: &User, draft: bool) -> Answer {
    let (transaction, workspace) = (hidden(page), user.organization.wire());
    let mut fields = vec![("transaction", transaction.as_str()), ("workspace", &workspace), ("action", "approve")];
    if draft {
        fields.push(("draft", "yes"));
    }
    form(bench, "/api/oauth/authorize", &fields).await
}

async fn code(bench: &Bench, client: &str, user: &User, resource: Option<&str>) -> String {
    let page = consent(bench, client, user.email.as_str(), &[("resource", resource)]).await;
    let answer = approve(bench, &page, user, true).await;
    location(&answer).1.last("code").unwrap().to_owned()
}

async fn exchange(bench: &Bench, client: &str, code: &str) -> Answer {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("client_id", client),
        ("code_verifier", VERIFIER),
    ];
    form(bench, "/api/oauth/token", &fields).await
}

async fn refresh(bench: &Bench, client: &str, token: &Value, scope: Option<&str>) -> Answer {
    let mut fields =
        vec![("grant_type", "refresh_token"), ("refresh_token", token.as_str().unwrap()), ("client_id", client)];
    fields.extend(scope.map(|scope| ("scope", scope)));
    form(bench, "/api/oauth/token", &fields).await
}

fn rfc(answer: &Answer) -> (u64, String) {
    let body = answer.json();
    assert!(body["error_description"].is_string(), "{}", answer.body);
    (answer.status, body["error"].as_str().unwrap().to_owned())
}

async fn me(bench: &Bench, tokens: &Value) -> Answer {
    get(bench, "/api/auth/me", &format!("Bearer {}", tokens["access_token"].as_str().unwrap())).await
}

/// The `Authorization` of a new connection of a user.
pub(crate) async fn connected(bench: &Bench, user: &User) -> String {
    let client = register(bench).await;
    let code = code(bench, &client, user, API).await;
    let tokens = exchange(bench, &client, &code).await.json();
    format!("Bearer {}", tokens["access_token"].as_str().unwrap())
}

/// The `Authorization` of a connection that `person` allowed to the organization of `owner`.
pub(crate) async fn connected_to(bench: &Bench, person: &User, owner: &User) -> String {
    let client = register(bench).await;
    let page = consent(bench, &client, person.email.as_str(), &[("resource", API)]).await;
    let answer = approve(bench, &page, owner, true).await;
    let code = location(&answer).1.last("code").unwrap().to_owned();
    let tokens = exchange(bench, &client, &code).await.json();
    format!("Bearer {}", tokens["access_token"].as_str().unwrap())
}

const API: Option<&str> = Some("https://api.test/api");

#[tokio::test]
async fn metadata() {
    let bench = Bench::start().await.unwrap();
    for (path, resource) in [("", "/api/mcp"), ("/api/mcp", "/api/mcp"), ("/api", "/api")] {
        let answer = send(&bench, "GET", &format!("/.well-known/oauth-protected-resource{path}"), &[], "").await;
        assert_eq!(answer.header("cache-control"), "public, max-age=300");
        assert_eq!(
            answer.json(),
            json!({"resource": format!("https://api.test{resource}"), "authorization_servers": ["https://api.test"],
                "scopes_supported": ["read", "draft"], "bearer_methods_supported": ["header"]})
        );
    }
    let server = send(&bench, "GET", "/.well-known/oauth-authorization-server", &[], "").await.json();
    assert_eq!(server["issuer"], "https://api.test");
    for (name, path) in
        [("authorization", "authorize"), ("token", "token"), ("registration", "register"), ("revocation", "revoke")]
    {
        assert_eq!(server[format!("{name}_endpoint")], format!("https://api.test/api/oauth/{path}"));
    }
    assert_eq!(server["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(server["authorization_response_iss_parameter_supported"], true);
}

#[tokio::test]
async fn registration() {
    let bench = Bench::start().await.unwrap();
    let rows = [
        (json!({}), "invalid_redirect_uri"),
        (json!({"redirect_uris": []}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["http://a.test/"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["https://a.test/#x"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": vec![CALLBACK; 11]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": [1]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": [CALLBACK], "client_name": "x".repeat(121)}), "invalid_client_metadata"),
        (
            json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "client_secret_basic"}),
            "invalid_client_metadata",
        ),
        (json!([]), "invalid_client_metadata"),
    ];
    for (body, expected) in rows {
        let answer = post(&bench, "/api/oauth/register", &[], &body).await;
        assert_eq!(rfc(&answer), (400, expected.to_owned()), "{body}");
    }
    let body = json!({"redirect_uris": [CALLBACK]});
    let mut made = post(&bench, "/api/oauth/register", &[], &body).await.json();
    assert!(made["client_id"].take().as_str().unwrap().starts_with("cli_"));
    assert!(made["client_id_issued_at"].take().is_i64());
    assert_eq!(
        made,
        json!({"client_id": null, "client_id_issued_at": null, "redirect_uris": [CALLBACK], "client_name": null,
            "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"]})
    );
}

#[tokio::test]
async fn what_the_authorization_endpoint_refuses() {
    let bench = Bench::start().await.unwrap();
    let client = register(&bench).await;
    for change in [
        ("client_id", None),
        ("client_id", Some("cli_01k8ybdf00e8nrtzq2qw3d80n2")),
        ("redirect_uri", None),
        ("redirect_uri", Some("http://localhost:33418/other")),
        ("redirect_uri", Some("https://evil.test/callback")),
    ] {
        let answer = begin(&bench, &client, &[change]).await;
        assert_eq!((answer.status, answer.header("content-type")), (400, "text/html; charset=utf-8"), "{change:?}");
        assert_eq!(answer.header("location"), "", "nothing is sent to an address that nobody registered");
    }
    let short = "x".repeat(42);
    for (change, expected) in [
        (("response_type", None), "invalid_request"),
        (("response_type", Some("token")), "unsupported_response_type"),
        (("code_challenge", None), "invalid_request"),
        (("code_challenge", Some(short.as_str())), "invalid_request"),
        (("code_challenge_method", None), "invalid_request"),
        (("code_challenge_method", Some("plain")), "invalid_request"),
        (("scope", Some("read admin")), "invalid_scope"),
        (("resource", Some("https://evil.test/api")), "invalid_target"),
    ] {
        let (target, query) = location(&begin(&bench, &client, &[change]).await);
        assert_eq!((target.as_str(), query.last("error")), (CALLBACK, Some(expected)), "{change:?}");
        assert_eq!((query.last("state"), query.last("iss")), (Some("a b"), Some("https://api.test")));
    }
    bench.advance(Duration::seconds(61));
    let other_port = begin(&bench, &client, &[("redirect_uri", Some("http://localhost:9/callback"))]).await;
    assert_eq!(other_port.status, 200, "a loopback address may have another port");
    let policy = other_port.header("content-security-policy");
    assert_eq!(
        policy,
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self' http://localhost:9; frame-ancestors 'none'"
    );
    assert!(other_port.body.contains("A &lt;client&gt;") && !other_port.body.contains("A <client>"));
}

#[tokio::test]
async fn sign_in_and_consent() {
    let bench = Bench::start().await.unwrap();
    let client = register(&bench).await;
    let user = person(&bench, Role::Business, "dana@example.com").await;
    person(&bench, Role::Tester, "tess@example.com").await;
    let transaction = hidden(&begin(&bench, &client, &[]).await);
    let sign_in = async |email: &str, password: &str| {
        let fields = [("transaction", transaction.as_str()), ("email", email), ("password", password)];
        form(&bench, "/api/oauth/authorize", &fields).await
    };
    let wrong = sign_in("dana@example.com", "wrong").await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.body.contains("Invalid email or password"));
    assert_eq!(sign_in("tess@example.com", PASSWORD).await.status, 403, "testers have no workspace");
    for fields in [
        vec![("email", "dana@example.com")],
        vec![("transaction", "x")],
        vec![("transaction", "a"), ("transaction", "b")],
    ] {
        assert_eq!(form(&bench, "/api/oauth/authorize", &fields).await.status, 400, "{fields:?}");
    }
    let page = sign_in("dana@example.com", PASSWORD).await;
    assert!(page.body.contains(&user.organization.wire()) && page.body.contains("value=\"yes\"> make draft"));
    assert!(!page.body.contains(PASSWORD));
    let denied = form(&bench, "/api/oauth/authorize", &[("transaction", &hidden(&page)), ("action", "deny")]).await;
    assert_eq!(location(&denied).1.last("error"), Some("access_denied"));
    let approved = approve(&bench, &page, &user, false).await;
    let (target, query) = location(&approved);
    assert_eq!(
        (target.as_str(), query.last("state"), query.last("iss")),
        (CALLBACK, Some("a b"), Some("https://api.test"))
    );
    assert!(query.last("code").unwrap().starts_with("osac_"));
    assert_eq!(approve(&bench, &page, &user, false).await.status, 400, "a consent is given once");

    bench.advance(Duration::seconds(61));
    let otto = person(&bench, Role::Business, "otto@example.com").await;
    let page = consent(&bench, &client, "dana@example.com", &[("scope", Some("read"))]).await;
    assert!(!page.body.contains("draft studies"), "drafts are offered only if asked for");
    assert_eq!(approve(&bench, &page, &otto, false).await.status, 400, "not another's workspace");
    let code = location(&approve(&bench, &page, &user, true).await).1.last("code").unwrap().to_owned();
    assert_eq!(exchange(&bench, &client, &code).await.json()["scope"], "read", "and given only if offered");

    let late = hidden(&begin(&bench, &client, &[]).await);
    bench.advance(Duration::minutes(10));
    let fields = [("transaction", late.as_str()), ("email", "dana@example.com"), ("password", PASSWORD)];
    assert_eq!(form(&bench, "/api/oauth/authorize", &fields).await.status, 400, "ten minutes are over");
}

#[tokio::test]
async fn codes_and_tokens() {
    let bench = Bench::start().await.unwrap();
    let client = register(&bench).await;
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let good = code(&bench, &client, &user, API).await;
    for change in [
        ("redirect_uri", "http://localhost:9/callback", "invalid_grant"),
        ("code_verifier", "eBjftJeZ4CVP-mBpzXOIwZ5-NOSCALB8Eqjgnzf6r4o0", "invalid_grant"),
        ("code_verifier", "", "invalid_request"),
        ("code", "osac_x", "invalid_grant"),
        ("grant_type", "password", "unsupported_grant_type"),
        ("grant_type", "", "invalid_request"),
        ("resource", "https://api.test/api/mcp", "invalid_target"),
    ] {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", good.as_str()),
            ("redirect_uri", CALLBACK),
            ("client_id", client.as_str()),
            ("code_verifier", VERIFIER),
        ];
        fields.retain(|(name, _)| *name != change.0);
        fields.push((change.0, change.1));
        let answer = form(&bench, "/api/oauth/token", &fields).await;
        assert_eq!(rfc(&answer), (400, change.2.to_owned()), "{change:?}");
    }
    let unknown = exchange(&bench, "cli_01k8ybdf00e8nrtzq2qw3d80n2", &good).await;
    assert_eq!(rfc(&unknown), (401, "invalid_client".to_owned()));
    let other = register(&bench).await;
    assert_eq!(rfc(&exchange(&bench, &other, &good).await), (400, "invalid_grant".to_owned()));
    let json = post(&bench, "/api/oauth/token", &[], &json!({"grant_type": "refresh_token"})).await;
    assert_eq!(rfc(&json), (400, "invalid_request".to_owned()), "forms only");

    bench.advance(Duration::seconds(50));
    let answer = exchange(&bench, &client, &good).await;
    let tokens = answer.json();
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    assert_eq!(
        (&tokens["token_type"], &tokens["expires_in"], &tokens["scope"]),
        (&json!("Bearer"), &json!(3600), &json!("read draft"))
    );
    let own = data(&me(&bench, &tokens).await);
    assert_eq!(own["credential"], json!({"kind": "oauth", "scopes": ["read", "draft"]}));
    let token = tokens["access_token"].as_str().unwrap();
    let elsewhere = get(&bench, "/api/tokens", &format!("Bearer {token}")).await;
    assert_eq!(told(&elsewhere), (403, "This credential cannot be used here".to_owned()));

    bench.advance(Duration::seconds(61));
    let narrowed = refresh(&bench, &client, &tokens["refresh_token"], Some("read")).await.json();
    assert_eq!(data(&me(&bench, &narrowed).await)["credential"]["scopes"], json!(["read"]));
    assert_eq!(me(&bench, &tokens).await.status, 200, "the older access token lives its hour");
    let widened = refresh(&bench, &client, &narrowed["refresh_token"], Some("read admin")).await;
    assert_eq!(rfc(&widened), (400, "invalid_scope".to_owned()));
    let whole = refresh(&bench, &client, &narrowed["refresh_token"], None).await.json();
    assert_eq!(whole["scope"], "read draft", "an access token was narrowed, not the connection");
    let reused = refresh(&bench, &client, &tokens["refresh_token"], None).await;
    assert_eq!(rfc(&reused), (400, "invalid_grant".to_owned()));
    for ended in [&tokens, &narrowed, &whole] {
        assert_eq!(me(&bench, ended).await.status, 401, "a used refresh token ends the connection");
    }
    assert_eq!(refresh(&bench, &client, &whole["refresh_token"], None).await.status, 400);
}

#[tokio::test]
async fn a_code_used_twice_ends_what_it_gave() {
    let bench = Bench::start().await.unwrap();
    let client = register(&bench).await;
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let twice = code(&bench, &client, &user, API).await;
    let answers = futures_util::future::join_all((0..5).map(|_| exchange(&bench, &client, &twice))).await;
    let fine: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(fine.len(), 1, "of many at once one succeeds");
    assert_eq!(me(&bench, &fine[0].json()).await.status, 401);
    let late = code(&bench, &client, &user, API).await;
    bench.advance(Duration::seconds(61));
    assert_eq!(rfc(&exchange(&bench, &client, &late).await), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn audiences_and_connections() {
    let bench = Bench::start().await.unwrap();
    let client = register(&bench).await;
    let user = person(&bench, Role::Business, "dana@example.com").await;
    person(&bench, Role::Business, "otto@example.com").await;
    let (dana, otto) = (bearer(&bench, "dana@example.com").await, bearer(&bench, "otto@example.com").await);
    let default = code(&bench, &client, &user, None).await;
    let mcp = exchange(&bench, &client, &default).await.json();
    assert_eq!(told(&me(&bench, &mcp).await), (401, "Invalid credentials".to_owned()), "for MCP only");
    let of_api = code(&bench, &client, &user, API).await;
    let api = exchange(&bench, &client, &of_api).await.json();
    assert_eq!(me(&bench, &api).await.status, 200);
    let list = get(&bench, "/api/connections", &dana).await.json();
    assert_eq!(list["metadata"]["total"], 2);
    let newest = &list["data"][0];
    assert_eq!(
        (&newest["clientName"], &newest["audience"], &newest["scopes"], &newest["organizationId"]),
        (&json!("A <client>"), &json!(API), &json!(["read", "draft"]), &json!(user.organization.wire()))
    );
    assert!(newest["lastUsedAt"].is_string());
    let path = format!("/api/connections/{}", newest["connectionId"].as_str().unwrap());
    let delete = async |caller: &str| send(&bench, "DELETE", &path, &[("authorization", caller)], "").await;
    assert_eq!(get(&bench, "/api/connections", &otto).await.json()["metadata"]["total"], 0);
    assert_eq!(told(&delete(&otto).await), (404, "Connection not found".to_owned()));
    assert_eq!(data(&delete(&dana).await)["connectionId"], newest["connectionId"]);
    assert_eq!(error(&delete(&dana).await), "Connection not found");
    assert_eq!(me(&bench, &api).await.status, 401, "all its tokens die at once");
    assert_eq!(refresh(&bench, &client, &api["refresh_token"], None).await.status, 400);

    bench.advance(Duration::seconds(61));
    let revoke = async |token: &str, client: &str| {
        form(&bench, "/api/oauth/revoke", &[("token", token), ("client_id", client)]).await
    };
    for unknown in ["x", "osat_x", &format!("osrt_{}", "A".repeat(43))] {
        let answer = revoke(unknown, &client).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{unknown}");
    }
    let other = register(&bench).await;
    let token = mcp["refresh_token"].as_str().unwrap();
    assert_eq!(revoke(token, &other).await.status, 200);
    assert_eq!(get(&bench, "/api/connections", &dana).await.json()["metadata"]["total"], 1, "another client's is kept");
    assert_eq!(rfc(&revoke("", &client).await), (400, "invalid_request".to_owned()));
    assert_eq!(revoke(token, &client).await.status, 200);
    assert_eq!(get(&bench, "/api/connections", &dana).await.json()["metadata"]["total"], 0);
    let late = code(&bench, &client, &user, API).await;
    let tokens = exchange(&bench, &client, &late).await.json();
    bench.advance(Duration::hours(1));
    assert_eq!(me(&bench, &tokens).await.status, 401, "an access token lives an hour");
    assert_eq!(refresh(&bench, &client, &tokens["refresh_token"], None).await.status, 200);
    bench.advance(Duration::days(91));
    assert_eq!(begin(&bench, &client, &[]).await.status, 400, "a client that nobody used for 90 days is gone");
}
