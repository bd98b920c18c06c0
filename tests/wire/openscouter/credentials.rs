//! Credentials of every kind and those that are none (openscouter 3).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use harness::Bench;
use serde_json::{Value, json};
use shared::{
    jwt::{KeySet, Signer, new_key},
    model::Role,
};
use time::Duration;

use super::{bearer, data, get, person, post, send, sign_in, told, work};

fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn an_access_token_says_what_the_contract_says() {
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let session = sign_in(&bench, "dana@example.com").await;
    let token = session["accessToken"].as_str().unwrap();
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap();
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("JWT")));
    let claims = claims(token);
    let members: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["iss", "aud", "sub", "role", "org", "plan", "jti", "iat", "exp"]);
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!("https://api.test"), &json!("https://api.test/api")));
    assert_eq!((&claims["sub"], &claims["org"]), (&json!(user.id.wire()), &json!(user.organization.wire())));
    assert_eq!(claims["exp"].as_i64().unwrap(), claims["iat"].as_i64().unwrap() + 86_400);
    for path in ["/api/auth/jwks", "/.well-known/jwks.json"] {
        let answer = send(&bench, "GET", path, &[], "").await;
        assert_eq!(answer.header("cache-control"), "public, max-age=300");
        assert_eq!(answer.json()["keys"][0]["kid"], header["kid"]);
        let keys = KeySet::parse(&answer.body).unwrap();
        assert_eq!(keys.verify::<Value>(token).unwrap(), claims, "a stranger can check the token");
    }
}

#[tokio::test]
async fn what_is_no_credential_is_refused() {
    let (secret, public) = new_key().unwrap();
    let jwks = json!({"keys": [public]}).to_string();
    let secret = secret.to_string();
    let bench = Bench::with(&[("OUTSCOUT_OPENSCOUTER_JWKS", &jwks), ("OUTSCOUT_OPENSCOUTER_SIGNING_KEY", &secret)])
        .await
        .unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let good = sign_in(&bench, "dana@example.com").await["accessToken"].as_str().unwrap().to_owned();
    let signer = Signer::parse(&secret).unwrap();
    let other = Signer::parse(&new_key().unwrap().0.to_string()).unwrap();
    let now = bench.context.clock().now().unix_timestamp();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut claims = claims(&good);
        change(&mut claims);
        format!("Bearer {}", signer.sign(&claims).unwrap())
    };
    let parts: Vec<_> = good.split('.').collect();
    let header =
        |header: &Value| format!("Bearer {}.{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), parts[1], parts[2]);
    let kid = &public["kid"];
    let hex = "0123456789abcdef".repeat(3);
    let rows = [
        ("wrong key", format!("Bearer {}", other.sign(&claims(&good)).unwrap())),
        ("alg none", header(&json!({"alg": "none", "typ": "JWT", "kid": kid}))),
        (
            "alg none, no signature",
            format!("{}.", header(&json!({"alg": "none", "typ": "JWT", "kid": kid})).rsplit_once('.').unwrap().0),
        ),
        ("alg HS256", header(&json!({"alg": "HS256", "typ": "JWT", "kid": kid}))),
        ("unknown kid", header(&json!({"alg": "EdDSA", "typ": "JWT", "kid": "x"}))),
        ("wrong audience", with(&|claims| claims["aud"] = json!("https://api.test/api/mcp"))),
        ("audience of another case", with(&|claims| claims["aud"] = json!("https://API.test/api"))),
        ("wrong issuer", with(&|claims| claims["iss"] = json!("https://evil.test"))),
        ("not yet", with(&|claims| claims["iat"] = json!(now + 120))),
        ("organization missing", with(&|claims| drop(claims.as_object_mut().unwrap().remove("org")))),
        ("claim missing", with(&|claims| drop(claims.as_object_mut().unwrap().remove("plan")))),
        ("claim of another kind", with(&|claims| claims["exp"] = json!("later"))),
        ("another person", with(&|claims| claims["sub"] = json!("user_01k8ybdf00e8nrtzq2qw3d80n2"))),
        ("unknown sign-in", with(&|claims| claims["jti"] = json!("fam_01k8ybdf00e8nrtzq2qw3d80n2.x"))),
        ("oversized", with(&|claims| claims["jti"] = json!("x".repeat(8_000)))),
        ("tampered", format!("Bearer {}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode("{}"), parts[2])),
        ("two at once", format!("Bearer {good},Bearer {good}")),
        ("two spaces", format!("Bearer  {good}")),
        ("no scheme", good.clone()),
        ("another scheme", format!("Basic {good}")),
        ("another dialect's scheme", format!("Api-Key {good}")),
        ("JWT as Token", format!("Token {good}")),
        ("unknown API token", format!("Token osc_{}", "A".repeat(43))),
        ("API token as Bearer", format!("Bearer osc_{}", "A".repeat(43))),
        ("unknown OAuth token", format!("Bearer osat_{}", "A".repeat(43))),
        ("OAuth token as Token", format!("Token osat_{}", "A".repeat(43))),
        ("unknown test token", format!("Token {hex}")),
        ("test token as Bearer", format!("Bearer {hex}")),
        ("refresh token", format!("Bearer osr_{}", "A".repeat(43))),
        ("Outset's key", format!("Token oset_{}", "A".repeat(43))),
        ("Outsend's key", format!("Bearer osk_{}", "A".repeat(43))),
        ("empty", String::new()),
    ];
    for (name, credential) in rows {
        bench.advance(Duration::seconds(3));
        let answer = get(&bench, "/api/auth/me", &credential).await;
        assert_eq!(told(&answer), (401, "Invalid credentials".to_owned()), "{name}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert!(!answer.body.contains(&good));
    }
    bench.advance(Duration::seconds(61));
    let none =
        send(&bench, "GET", "/api/auth/me", &[("cookie", "outsend_session=x"), ("x-api-key", "osk_x")], "").await;
    assert_eq!(told(&none), (401, "Missing credentials".to_owned()), "neither cookies nor keys are read");
    for scheme in ["bearer", "BEARER"] {
        assert_eq!(get(&bench, "/api/auth/me", &format!("{scheme} {good}")).await.status, 200, "{scheme}");
    }
    bench.advance(Duration::hours(24));
    assert_eq!(told(&get(&bench, "/api/auth/me", &format!("Bearer {good}")).await), (401, "Token expired".to_owned()));
}

#[tokio::test]
async fn keys_are_rotated_without_signing_anybody_out() {
    let (old, old_public) = new_key().unwrap();
    let (new, new_public) = new_key().unwrap();
    let jwks = json!({"keys": [new_public, old_public]}).to_string();
    let secret = new.to_string();
    let bench = Bench::with(&[("OUTSCOUT_OPENSCOUTER_JWKS", &jwks), ("OUTSCOUT_OPENSCOUTER_SIGNING_KEY", &secret)])
        .await
        .unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let token = sign_in(&bench, "dana@example.com").await["accessToken"].as_str().unwrap().to_owned();
    // the same token as it was signed before the rotation
    let before = Signer::parse(&old.to_string()).unwrap().sign(&claims(&token)).unwrap();
    for token in [before, token] {
        assert_eq!(get(&bench, "/api/auth/me", &format!("Bearer {token}")).await.status, 200);
    }
    let keys = send(&bench, "GET", "/.well-known/jwks.json", &[], "").await.json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2, "both are published");
}

#[tokio::test]
async fn api_tokens() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    person(&bench, Role::Business, "otto@example.com").await;
    let (dana, otto) = (bearer(&bench, "dana@example.com").await, bearer(&bench, "otto@example.com").await);
    let create = async |body: Value| post(&bench, "/api/tokens", &[("authorization", &dana)], &body).await;
    let rows = [
        (json!({}), 422, "name: is required"),
        (json!({"name": "x".repeat(81), "scopes": ["read"]}), 422, "name: must be at most 80 characters"),
        (json!({"name": "x"}), 422, "scopes: is required"),
        (json!({"name": "x", "scopes": "read"}), 422, "scopes: must be an array"),
        (json!({"name": "x", "scopes": []}), 422, "scopes: must contain at least 1 items"),
        (json!({"name": "x", "scopes": ["read", "read"]}), 422, "scopes: must not contain duplicates"),
        (json!({"name": "x", "scopes": ["all"]}), 422, "scopes[0]: must be one of: read, write, admin"),
        (json!({"name": "x", "scopes": ["read", 1]}), 422, "scopes[1]: must be a string"),
        (
            json!({"name": "x", "scopes": ["read"], "expiresAt": "soon"}),
            422,
            "expiresAt: must be an ISO 8601 timestamp",
        ),
        (
            json!({"name": "x", "scopes": ["read"], "expiresAt": "2020-01-01T00:00:00Z"}),
            422,
            "expiresAt: must be in the future",
        ),
        (json!({"name": "x", "scopes": ["admin"]}), 403, "Missing scope: admin"),
    ];
    for (body, status, text) in rows {
        assert_eq!(told(&create(body.clone()).await), (status, text.to_owned()), "{body}");
    }
    let end = bench.context.clock().now() + Duration::hours(1);
    let end = end.format(&time::format_description::well_known::Rfc3339).unwrap();
    let short = data(&create(json!({"name": "short", "scopes": ["write"], "expiresAt": end})).await);
    let long = data(&create(json!({"name": "long", "scopes": ["read", "write"]})).await);
    let members: Vec<_> = long.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["tokenId", "name", "scopes", "token", "lastFour", "createdAt", "expiresAt", "lastUsedAt"]);
    let plain = |token: &Value| token["token"].as_str().unwrap().to_owned();
    assert!(plain(&long).starts_with("osc_") && plain(&long).len() == 47);
    assert!(plain(&long).ends_with(long["lastFour"].as_str().unwrap()));
    let use_it = async |token: &Value| get(&bench, "/api/auth/me", &format!("Token {}", plain(token))).await;
    let own = data(&use_it(&short).await);
    assert_eq!(own["credential"], json!({"kind": "token", "scopes": ["write"]}));
    assert_eq!(own["email"], "dana@example.com", "the creator");
    let list = async |caller: &str| get(&bench, "/api/tokens?limit=1&page=2", caller).await.json();
    let page = list(&dana).await;
    assert_eq!(page["metadata"], json!({"page": 2, "limit": 1, "total": 2}));
    assert_eq!((&page["data"][0]["name"], &page["data"][0]["token"]), (&json!("short"), &Value::Null));
    assert!(page["data"][0]["lastUsedAt"].is_string());
    assert_eq!(list(&otto).await["metadata"]["total"], 0, "another organization's tokens are not seen");
    bench.advance(Duration::hours(1));
    assert_eq!(use_it(&short).await.status, 401);
    assert_eq!(list(&dana).await["metadata"]["total"], 1, "live tokens only");
    let delete = async |caller: &str, id: &str| {
        send(&bench, "DELETE", &format!("/api/tokens/{id}"), &[("authorization", caller)], "").await
    };
    let id = long["tokenId"].as_str().unwrap();
    let missing = (404, "Token not found".to_owned());
    for foreign in [
        delete(&otto, id).await,
        delete(&dana, short["tokenId"].as_str().unwrap()).await,
        delete(&dana, "tok_001").await,
        delete(&dana, &id.to_uppercase()).await,
    ] {
        assert_eq!(told(&foreign), missing);
    }
    let revoked = data(&delete(&dana, id).await);
    assert_eq!((&revoked["tokenId"], revoked["revokedAt"].as_str().unwrap().len()), (&json!(id), 20));
    assert_eq!(use_it(&long).await.status, 401, "refused from the next request on");
    assert_eq!(told(&delete(&dana, id).await), missing);
    work(&bench).await;
}

#[tokio::test]
async fn a_test_token_stands_for_a_tester_on_a_study() {
    let bench = Bench::start().await.unwrap();
    let tester = person(&bench, Role::Tester, "tess@example.com").await;
    let (store, study) = (bench.context.store(), shared::model::StudyId::generate());
    let issue = async |token: &str| {
        let hash = shared::secret::sha256_hex(token.as_bytes());
        store.issue_test_token(&tester, study, &hash, bench.context.clock().now()).await.unwrap();
    };
    let (first, second) = ("0123456789abcdef".repeat(3), "fedcba9876543210".repeat(3));
    issue(&first).await;
    let misplaced = (403, "This credential cannot be used here".to_owned());
    for word in ["Token", "Bearer", "token"] {
        let answer = get(&bench, "/api/auth/me", &format!("{word} {first}")).await;
        assert_eq!(told(&answer), misplaced, "{word}");
        assert_eq!(answer.header("ratelimit-policy"), "\"free\";q=120;w=60");
    }
    assert_eq!(get(&bench, "/api/auth/me", &format!("Token {}", first.to_uppercase())).await.status, 401);
    issue(&second).await;
    assert_eq!(get(&bench, "/api/auth/me", &format!("Token {first}")).await.status, 401, "the older one is revoked");
    assert_eq!(told(&get(&bench, "/api/auth/me", &format!("Token {second}")).await), misplaced);
    // both of the tester's credentials count for the tester
    let access = bearer(&bench, "tess@example.com").await;
    let calls = (0..130).map(|turn| {
        let (access, token) = (access.clone(), format!("Token {second}"));
        let bench = &bench;
        async move { get(bench, "/api/auth/me", if turn % 2 == 0 { &access } else { &token }).await.status }
    });
    let statuses = futures_util::future::join_all(calls).await;
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 14, "four went before");
    bench.advance(Duration::hours(24));
    assert_eq!(get(&bench, "/api/auth/me", &format!("Token {second}")).await.status, 401, "a day is over");
}

#[tokio::test]
async fn an_organization_has_at_most_fifty_tokens() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let dana = bearer(&bench, "dana@example.com").await;
    let create = || async {
        post(&bench, "/api/tokens", &[("authorization", &dana)], &json!({"name": "x", "scopes": ["read"]})).await
    };
    for _ in 0..45 {
        assert_eq!(create().await.status, 201);
    }
    let answers = futures_util::future::join_all((0..10).map(|_| create())).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 5, "exactly, also at once");
    assert_eq!(told(&create().await), (422, "name: organization already has 50 tokens".to_owned()));
    let list = get(&bench, "/api/tokens?limit=500", &dana).await.json();
    assert_eq!(list["metadata"], json!({"page": 1, "limit": 100, "total": 50}));
}

#[tokio::test]
async fn no_secret_is_stored_or_logged() {
    harness::log();
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let session = sign_in(&bench, "dana@example.com").await;
    let refreshed =
        data(&post(&bench, "/api/auth/refresh", &[], &json!({"refreshToken": session["refreshToken"]})).await);
    let access = format!("Bearer {}", refreshed["accessToken"].as_str().unwrap());
    let headers = [("authorization", access.as_str()), ("idempotency-key", "once")];
    let made = data(&post(&bench, "/api/tokens", &headers, &json!({"name": "CI", "scopes": ["read"]})).await);
    let token = format!("Token {}", made["token"].as_str().unwrap());
    let connection = super::oauth::connected(&bench, &user).await;
    let magic = super::one_time(&bench, "dana@example.com", shared::model::TokenKind::Magic).await;
    for credential in [&access, &token, &connection] {
        assert_eq!(get(&bench, "/api/auth/me", credential).await.status, 200);
    }
    get(&bench, &format!("/api/auth/callback?state={magic}&code={magic}"), "").await;
    assert_eq!(post(&bench, "/api/auth/magic-link/verify", &[], &json!({"token": magic})).await.status, 200);
    work(&bench).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let bare = |credential: &str| credential.split_once(' ').unwrap().1.to_owned();
    let secrets = [
        super::PASSWORD.to_owned(),
        text(&session["refreshToken"]),
        text(&refreshed["refreshToken"]),
        text(&session["accessToken"]),
        bare(&access),
        bare(&token),
        bare(&connection),
        magic,
    ];
    let mut texts = harness::log().lines();
    let settings = bench.context.settings();
    for table in ["main", "hot"] {
        let endpoint = settings.store.endpoint.as_deref().unwrap();
        texts.extend(harness::stored(settings, endpoint, table).await.unwrap());
    }
    assert!(texts.iter().any(|text| text.contains("$argon2id$")), "the user is among what was read");
    assert!(texts.iter().any(|text| text.contains("S(\"CONN#")), "the connection is among what was read");
    assert!(texts.iter().any(|text| text.contains("/api/auth/magic-link/verify")), "so is the log");
    for secret in secrets {
        let found: Vec<_> = texts.iter().filter(|text| text.contains(&secret)).collect();
        assert!(found.is_empty(), "{found:?}");
    }
}
