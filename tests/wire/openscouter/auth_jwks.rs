//! The public keys of access tokens (openscouter 3.2).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use harness::{
    Bench,
    openscouter::{claims, get, person, send, sign_in},
    snapshot,
};
use serde_json::{Value, json};
use shared::{
    jwt::{KeySet, Signer, new_key},
    model::Role,
};

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
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let answer = send(&bench, "GET", "/.well-known/jwks.json", &[], "").await;
    snapshot!("auth-jwks", &answer);
}
