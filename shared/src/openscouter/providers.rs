//! Log-in through another provider (openscouter 7), whose client this API is: what its beginning and its end share.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{envelope::Problem, request_context::RequestContext};
use crate::config::Provider;

/// The providers that there can be.
const NAMES: [&str; 2] = ["google", "github"];

/// How long a browser may take to come back, in seconds; the store keeps a log-in as long.
const LENGTH: u32 = 600;

/// The cookie that binds a log-in to the browser that began it. Over TLS no other host of the domain can set it; a
/// laptop has no TLS, where browsers take neither its prefix nor `Secure`.
#[must_use]
pub fn cookie_name(cx: &RequestContext) -> &'static str {
    if cx.is_secure() { "__Host-outscout_log_in" } else { "outscout_log_in" }
}

/// `Set-Cookie` with `value`; an empty one ends the cookie. `Lax`: a browser sends it when the provider sends it back.
#[must_use]
pub fn set_cookie(cx: &RequestContext, value: &str) -> String {
    let life = if value.is_empty() { 0 } else { LENGTH };
    let secure = if cx.is_secure() { " Secure;" } else { "" };
    format!("{}={value}; Path=/; Max-Age={life}; HttpOnly;{secure} SameSite=Lax", cookie_name(cx))
}

/// A provider that is configured.
#[must_use]
pub fn provider<'a>(cx: &'a RequestContext, name: &str) -> Option<&'a Provider> {
    cx.context.settings().openscouter.providers.iter().find(|known| known.name == name && NAMES.contains(&name))
}

/// The address that a provider sends the browser back to.
#[must_use]
pub fn callback_uri(cx: &RequestContext) -> String {
    format!("{}/api/auth/callback", cx.base())
}

/// The PKCE verifier of a state: whoever sees the state cannot make it, and it need not be kept.
///
/// # Errors
/// When no signing key is configured.
pub fn verifier(cx: &RequestContext, state: &str) -> Result<String, Problem> {
    let signer = cx.context.settings().openscouter.signer.as_ref();
    let signer = signer.ok_or_else(|| Problem::Crash("no signing key is configured".to_owned()))?;
    Ok(URL_SAFE_NO_PAD.encode(signer.derive(&format!("pkce {state}"))))
}
