//! Credentials of every kind and those that are none (openscouter 3).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use harness::{
    Bench,
    openscouter::{bearer, claims, get, person, send, sign_in, told},
};
use serde_json::{Value, json};
use shared::{
    jwt::{Signer, new_key},
    model::Role,
};
use time::Duration;

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
