//! What the endpoints of the OAuth 2.1 authorization server share (openscouter 8.1).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    access::Audience,
    envelope::{Problem, json_answer},
    fields::check_media,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    http::{Request, query::Query},
    model::{Action, ClientId, Connection, ConnectionId},
    secret::read_handle,
};

/// Most characters of an address that answers are sent to.
const MAX_URI: usize = 2_048;
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A refusal in the form of the RFCs.
#[derive(Serialize)]
struct Refusal<'a> {
    error: &'a str,
    error_description: &'a str,
}

/// A refusal in the form of the RFCs (openscouter 8.1).
#[must_use]
pub fn refusal(status: u16, error: &str, description: &str) -> Problem {
    let body = Refusal { error, error_description: description };
    let answer = json_answer(status, &body).header("Cache-Control", "no-store");
    Problem::Other(Box::new(if status == 401 { answer.header("WWW-Authenticate", "Bearer") } else { answer }))
}

/// What tokens may be for (openscouter 8.1); the first is the default.
#[must_use]
pub fn audiences(cx: &RequestContext) -> [String; 2] {
    let base = cx.base();
    [Audience::Mcp, Audience::Api].map(|audience| audience.resource(&base))
}

/// The audience that a client names with `resource`: scheme and host in any case, with or without a final slash
/// (openscouter 8.1).
#[must_use]
pub fn audience_of(cx: &RequestContext, resource: &str) -> Option<String> {
    let plain = |uri: &str| {
        let uri = uri.strip_suffix('/').unwrap_or(uri);
        let (scheme, rest) = uri.split_once("://")?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Some(format!("{}://{}{path}", scheme.to_ascii_lowercase(), host.to_ascii_lowercase()))
    };
    let named = plain(resource)?;
    audiences(cx).into_iter().find(|known| plain(known).as_ref() == Some(&named))
}

/// A requested scope without what has no meaning here: who asks for `offline_access` gets a refresh token in any case.
#[must_use]
pub fn scopes(scope: Option<&str>) -> Vec<&str> {
    scope.unwrap_or_default().split(' ').filter(|name| !matches!(*name, "" | "offline_access")).collect()
}

/// Names and values as a query or a form holds them.
#[must_use]
pub fn form_encoded(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<_> =
        pairs.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, UNRESERVED))).collect();
    pairs.join("&")
}

/// A form's fields, each of them given once.
#[derive(Debug)]
pub struct Form(Query);

impl Form {
    /// Reads the body (openscouter 8.1).
    ///
    /// # Errors
    /// 400 when it is no form, gives a field twice, or has more fields than any client sends.
    pub fn read(request: &Request) -> Result<Self, Problem> {
        let malformed = || refusal(400, "invalid_request", "the body must be a form");
        check_media(request, &["application/x-www-form-urlencoded"]).map_err(|_| malformed())?;
        Query::parse_form(&request.body).map(Self).ok_or_else(|| {
            let text = "the form must have at most 64 fields, each given once";
            refusal(400, "invalid_request", text)
        })
    }

    /// A field that is there and not empty.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.last(name).filter(|value| !value.is_empty())
    }

    /// A field that must be there.
    ///
    /// # Errors
    /// 400 when it is not, or is empty.
    pub fn required(&self, name: &str) -> Result<&str, Problem> {
        self.optional(name).ok_or_else(|| refusal(400, "invalid_request", &format!("{name} is required")))
    }
}

/// The client that a form names (openscouter 8.1).
///
/// # Errors
/// 401 when there is no such client, and when the store fails.
pub fn client<'a>(cx: &'a RequestContext, form: &'a Form) -> BoxFuture<'a, Result<ClientId, Problem>> {
    Box::pin(async move {
        let unknown = || refusal(401, "invalid_client", "there is no such client");
        let id = ClientId::from_wire(form.required("client_id")?).ok_or_else(unknown)?;
        cx.context.store().oauth_client(id, cx.now).await?.map(|client| client.id).ok_or_else(unknown)
    })
}

/// The connection that a token of this prefix names, and the token's hash.
#[must_use]
pub fn read_token(prefix: &str, token: &str) -> Option<(ConnectionId, String)> {
    read_handle(prefix, token).map(|(id, hash)| (ConnectionId::from_uuid(Uuid::from_bytes(id)), hash))
}

/// Ends a connection with all its tokens, with a record that says why (openscouter 8.1).
///
/// # Errors
/// When the store fails.
pub fn end_connection<'a>(
    cx: &'a RequestContext,
    connection: &'a Connection,
    why: &'a str,
) -> BoxFuture<'a, Result<(), Problem>> {
    Box::pin(async move {
        let audit = cx.record(Action::ConnectionRevoked, None, Some(connection.id.wire()), json!({"reason": why}));
        cx.context.store().end_connection(connection, Some(&audit)).await?;
        Ok(())
    })
}

/// Whether answers may be sent to `uri`: https, or http on this machine; no fragment (openscouter 8.1).
#[must_use]
pub fn is_redirect_uri(uri: &str) -> bool {
    let Ok(parsed) = uri.parse::<http::Uri>() else { return false };
    let Some(authority) = parsed.authority() else { return false };
    let host = authority.host();
    let plain = uri.is_ascii() && !uri.contains(['#', ' ', '"', '<', '>', '\\']) && uri.len() <= MAX_URI;
    let local = is_loopback(host);
    // what stands behind the host is a port that exists
    let port = match authority.as_str().strip_prefix(host).unwrap_or_default() {
        "" => true,
        _ => authority.port_u16().is_some_and(|port| port > 0),
    };
    let scheme = match parsed.scheme_str() {
        Some("https") => true,
        Some("http") => local,
        _ => false,
    };
    // the page's policy names the address, so nothing may stand in it that ends a directive
    let named = authority.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
    plain && scheme && named && port && !host.is_empty()
}

/// Whether a host is this machine, by its name or an address of either family.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || matches!(host, "127.0.0.1" | "[::1]")
}

/// Whether a text has the form of a PKCE verifier, and so of a challenge (RFC 7636).
#[must_use]
pub fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

/// The PKCE challenge of a verifier, method `S256` (RFC 7636).
#[must_use]
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_uris() {
        for right in [
            "https://a.test/cb?x=1",
            "http://localhost:33418/cb",
            "http://127.0.0.1/cb",
            "http://[::1]:9/cb",
            "HTTP://LocalHost:65535/cb",
            "https://a.test:8443",
        ] {
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
            "http://localhost:65536/cb",
            "http://localhost:0/cb",
            "http://localhost:/cb",
            "http://[::1]:99999/cb",
            "https://a.test:123456/cb",
        ] {
            assert!(!is_redirect_uri(wrong), "{wrong}");
        }
    }
}
