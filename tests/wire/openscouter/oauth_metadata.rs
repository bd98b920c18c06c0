//! `GET /.well-known/oauth-*`: what the authorization server offers (openscouter 8.1).

use harness::{Bench, openscouter::send, snapshot};
use serde_json::json;

#[tokio::test]
async fn metadata() {
    let bench = Bench::start().await.unwrap();
    for (path, resource) in [("", "/api/mcp"), ("/api/mcp", "/api/mcp"), ("/api/mcp/mcp", "/api/mcp"), ("/api", "/api")]
    {
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
    let suffixed = send(&bench, "GET", "/.well-known/oauth-authorization-server/api/mcp", &[], "").await.json();
    assert_eq!(suffixed, server, "where clients look that put the server's path behind");
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/api"] {
        assert_eq!(send(&bench, "GET", path, &[], "").await.status, 404, "{path}");
    }
    let asked = [("origin", "http://localhost:6274"), ("access-control-request-method", "GET")];
    for (path, exposes) in [
        ("/.well-known/oauth-authorization-server", true),
        ("/.well-known/oauth-protected-resource/api/mcp", true),
        ("/api/oauth/token", true),
        ("/api/jobs", false),
    ] {
        let preflight = send(&bench, "OPTIONS", path, &asked, "").await;
        let headers = preflight.header("access-control-allow-headers");
        assert_eq!(headers.ends_with(", MCP-Protocol-Version"), exposes, "{path}: {headers}");
        let answer = send(&bench, "GET", path, &asked[..1], "").await;
        let exposed = answer.header("access-control-expose-headers");
        assert_eq!(exposed.ends_with(", WWW-Authenticate"), exposes, "{path}: {exposed}");
    }
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
