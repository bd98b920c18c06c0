//! The OAuth 2.1 authorization server for MCP and external clients (openscouter 8.1).

mod token;

use serde_json::{Value, json};

pub use token::{oauth_revoke, oauth_token};

use super::{
    endpoint::answer,
    envelope::{Problem, json_answer},
    fields::check_media,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response, query::Query},
    model::{ClientId, OAuthClient},
};

/// Most characters of an address that answers are sent to.
const MAX_URI: usize = 2_048;

/// A refusal in the form of the RFCs.
pub fn refusal(status: u16, error: &str, description: &str) -> Problem {
    let body = json!({"error": error, "error_description": description});
    let answer = json_answer(status, &body).header("Cache-Control", "no-store");
    Problem::Other(Box::new(if status == 401 { answer.header("WWW-Authenticate", "Bearer") } else { answer }))
}

/// What tokens may be for; the first is the default.
pub fn audiences(cx: &RequestContext) -> [String; 2] {
    let base = cx.base();
    [format!("{base}/api/mcp"), format!("{base}/api")]
}

/// A form's fields, each of them given once.
pub struct Form(Query);

impl Form {
    pub fn read(request: &Request) -> Result<Self, Problem> {
        let malformed = |_| refusal(400, "invalid_request", "the body must be a form");
        check_media(request, "application/x-www-form-urlencoded").map_err(malformed)?;
        let text = std::str::from_utf8(&request.body);
        let query = Query::parse(text.map_err(|_| refusal(400, "invalid_request", "the body must be a form"))?);
        let twice = query
            .pairs()
            .iter()
            .enumerate()
            .any(|(position, (name, _))| query.pairs().iter().take(position).any(|(before, _)| before == name));
        if twice { Err(refusal(400, "invalid_request", "a field is given twice")) } else { Ok(Self(query)) }
    }

    /// A field that is there and not empty.
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.last(name).filter(|value| !value.is_empty())
    }

    pub fn required(&self, name: &str) -> Result<&str, Problem> {
        self.optional(name).ok_or_else(|| refusal(400, "invalid_request", &format!("{name} is required")))
    }
}

/// `GET /.well-known/oauth-authorization-server`, `GET /.well-known/oauth-protected-resource…`
#[must_use]
pub fn oauth_metadata(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            cx.anonymous().await?;
            let base = cx.base();
            let [mcp, api] = audiences(cx);
            let resource = |resource: &str| {
                json!({
                    "resource": resource,
                    "authorization_servers": [base],
                    "scopes_supported": ["read", "draft"],
                    "bearer_methods_supported": ["header"],
                })
            };
            let body = match cx.request.path.as_str() {
                "/.well-known/oauth-authorization-server" => json!({
                    "issuer": base,
                    "authorization_endpoint": format!("{base}/api/oauth/authorize"),
                    "token_endpoint": format!("{base}/api/oauth/token"),
                    "registration_endpoint": format!("{base}/api/oauth/register"),
                    "revocation_endpoint": format!("{base}/api/oauth/revoke"),
                    "response_types_supported": ["code"],
                    "grant_types_supported": ["authorization_code", "refresh_token"],
                    "code_challenge_methods_supported": ["S256"],
                    "token_endpoint_auth_methods_supported": ["none"],
                    "scopes_supported": ["read", "draft"],
                    "authorization_response_iss_parameter_supported": true,
                }),
                "/.well-known/oauth-protected-resource/api" => resource(&api),
                _ => resource(&mcp),
            };
            Ok(json_answer(200, &body).header("Cache-Control", "public, max-age=300"))
        })
    })
}

/// Whether answers may be sent to `uri`: https, or http on this machine; no fragment.
fn is_redirect_uri(uri: &str) -> bool {
    let Ok(parsed) = uri.parse::<http::Uri>() else { return false };
    let Some(authority) = parsed.authority() else { return false };
    let host = authority.host();
    let plain = uri.is_ascii() && !uri.contains(['#', ' ', '"', '<', '>', '\\']) && uri.len() <= MAX_URI;
    let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let scheme = match parsed.scheme_str() {
        Some("https") => true,
        Some("http") => local,
        _ => false,
    };
    // the page's policy names the address, so nothing may stand in it that ends a directive
    let named = authority.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
    plain && scheme && named && !host.is_empty()
}

/// Whether a registered address allows `given`: the same one, or on a loopback address another port of it.
pub fn allows(registered: &str, given: &str) -> bool {
    if registered == given {
        return true;
    }
    let portless = |uri: &str| {
        let parsed = uri.parse::<http::Uri>().ok()?;
        let host = parsed.host()?.to_owned();
        let rest = parsed.path_and_query().map(ToString::to_string);
        let local = matches!(&*host, "localhost" | "127.0.0.1" | "[::1]");
        local.then(|| (parsed.scheme_str().map(str::to_owned), host, rest))
    };
    is_redirect_uri(given) && portless(registered).is_some_and(|known| portless(given) == Some(known))
}

/// `POST /api/oauth/register`
#[must_use]
pub fn oauth_register(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(register_now(cx)))
}

async fn register_now(cx: &RequestContext) -> Result<Response, Problem> {
    cx.anonymous().await?;
    let metadata = |text: &str| refusal(400, "invalid_client_metadata", text);
    check_media(&cx.request, "application/json").map_err(|_| metadata("the body must be a JSON object"))?;
    let body: Value = serde_json::from_slice(&cx.request.body).unwrap_or_default();
    let body = body.as_object().ok_or_else(|| metadata("the body must be a JSON object"))?;
    let wrong_uri = |text: &str| refusal(400, "invalid_redirect_uri", text);
    let uris = body.get("redirect_uris").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if !(1..=10).contains(&uris.len()) {
        return Err(wrong_uri("redirect_uris must contain 1 to 10 addresses"));
    }
    let uris: Option<Vec<_>> =
        uris.iter().map(|uri| uri.as_str().filter(|uri| is_redirect_uri(uri)).map(str::to_owned)).collect();
    let uris =
        uris.ok_or_else(|| wrong_uri("each address must be https, or http on this machine, without a fragment"))?;
    let name = match body.get("client_name") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) if name.chars().count() <= 120 && !name.chars().any(char::is_control) => {
            Some(name.trim().to_owned()).filter(|name| !name.is_empty())
        }
        Some(_) => return Err(metadata("client_name must be a text of at most 120 characters")),
    };
    match body.get("token_endpoint_auth_method") {
        None | Some(Value::Null) => {}
        Some(method) if method == "none" => {}
        Some(_) => return Err(metadata("only public clients can be registered: token_endpoint_auth_method is none")),
    }
    let client = OAuthClient { id: ClientId::at(cx.now), name, redirect_uris: uris, created_at: cx.now };
    cx.context.store().register_client(&client).await?;
    let body = json!({
        "client_id": client.id.wire(),
        "client_id_issued_at": cx.now.unix_timestamp(),
        "redirect_uris": client.redirect_uris,
        "client_name": client.name,
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
    });
    Ok(json_answer(201, &body))
}

/// Whether a text has the form of a PKCE verifier, and so of a challenge (RFC 7636).
#[must_use]
pub fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for right in ["https://a.test/cb?x=1", "http://localhost:33418/cb", "http://127.0.0.1/cb", "http://[::1]:9/cb"]
        {
            assert!(is_redirect_uri(right), "{right}");
        }
        for wrong in [
            "",
            "x",
            "/cb",
            "http://a.test/cb",
            "https://a.test/cb#x",
            "ftp://localhost/",
            "https://u@a.test/",
            "javascript:alert(1)",
            "http://localhost.evil.test/",
            "https://a.test/ x",
            "https:///x",
            "https://a.test;sandbox/x",
        ] {
            assert!(!is_redirect_uri(wrong), "{wrong}");
        }
        assert!(allows("http://127.0.0.1/cb", "http://127.0.0.1:4711/cb"));
        assert!(allows("http://localhost:1/cb", "http://localhost:2/cb"));
        assert!(!allows("http://localhost:1/cb", "http://localhost:2/other"));
        assert!(!allows("http://localhost:1/cb", "http://127.0.0.1:1/cb"));
        assert!(!allows("https://a.test/cb", "https://a.test:8443/cb"));
    }
}
