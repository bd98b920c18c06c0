//! `GET /.well-known/oauth-*`: what the authorization server offers (openscouter 8.1).

use harness::{Bench, openscouter::send, snapshot};
use serde_json::json;

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
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let answer = send(&bench, "GET", "/.well-known/oauth-authorization-server", &[], "").await;
    snapshot!("oauth-metadata", &answer);
}
