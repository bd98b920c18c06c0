//! `GET /.well-known/oauth-authorization-server…`, `GET /.well-known/oauth-protected-resource…`: what the authorization
//! server offers (openscouter 8.1).

use serde::Serialize;

use shared::{
    http::Response,
    openscouter::{
        self, Endpoint,
        envelope::{Problem, json_answer},
        oauth::audiences,
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint = openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(metadata(cx)));

/// Metadata of the authorization server (RFC 8414).
#[derive(Serialize)]
struct AuthorizationServer {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    registration_endpoint: String,
    revocation_endpoint: String,
    response_types_supported: [&'static str; 1],
    grant_types_supported: [&'static str; 2],
    code_challenge_methods_supported: [&'static str; 1],
    token_endpoint_auth_methods_supported: [&'static str; 1],
    scopes_supported: [&'static str; 2],
    authorization_response_iss_parameter_supported: bool,
}

/// Metadata of a protected resource (RFC 9728).
#[derive(Serialize)]
struct ProtectedResource {
    resource: String,
    authorization_servers: [String; 1],
    scopes_supported: [&'static str; 2],
    bearer_methods_supported: [&'static str; 1],
}

const SCOPES: [&str; 2] = ["read", "draft"];

async fn metadata(cx: &RequestContext) -> Result<Response, Problem> {
    let [mcp, api] = audiences(cx);
    let answer = match cx.request.path.as_str() {
        "/.well-known/oauth-authorization-server" | "/.well-known/oauth-authorization-server/api/mcp" => {
            json_answer(200, &authorization_server(cx.base()))
        }
        "/.well-known/oauth-protected-resource/api" => json_answer(200, &protected_resource(cx.base(), api)),
        _ => json_answer(200, &protected_resource(cx.base(), mcp)),
    };
    Ok(answer.header("Cache-Control", "public, max-age=300"))
}

fn authorization_server(base: String) -> AuthorizationServer {
    AuthorizationServer {
        authorization_endpoint: format!("{base}/api/oauth/authorize"),
        token_endpoint: format!("{base}/api/oauth/token"),
        registration_endpoint: format!("{base}/api/oauth/register"),
        revocation_endpoint: format!("{base}/api/oauth/revoke"),
        issuer: base,
        response_types_supported: ["code"],
        grant_types_supported: ["authorization_code", "refresh_token"],
        code_challenge_methods_supported: ["S256"],
        token_endpoint_auth_methods_supported: ["none"],
        scopes_supported: SCOPES,
        authorization_response_iss_parameter_supported: true,
    }
}

fn protected_resource(base: String, resource: String) -> ProtectedResource {
    ProtectedResource {
        resource,
        authorization_servers: [base],
        scopes_supported: SCOPES,
        bearer_methods_supported: ["header"],
    }
}
