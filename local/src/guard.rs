//! Who may speak to the ports that are for this machine alone. A page of another site reaches them as well as any
//! program does, and by DNS rebinding even under a name of its own: both are refused before anything is read.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use serde_json::json;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The names under which a port of this machine may be asked for: those of the loopback interface, which no other
/// machine can have, and those that the operator names.
#[derive(Clone, Debug, Default)]
pub struct HostNames(Arc<[String]>);

impl HostNames {
    /// The names of the loopback interface and `more`, without ports.
    #[must_use]
    pub fn with(more: &[String]) -> Self {
        Self(more.iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    fn knows(&self, authority: &str) -> bool {
        // an address with a user before it is of another host than it looks
        let Some(parsed) = authority.parse::<Authority>().ok().filter(|_| !authority.contains('@')) else {
            return false;
        };
        let name = parsed.host().to_ascii_lowercase();
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        address.is_ok_and(|address| address.is_loopback())
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.0.contains(&name)
    }

    /// Why a request is not taken for one of this machine; `None` when it is.
    #[must_use]
    pub fn refusal(&self, uri: &Uri, headers: &HeaderMap) -> Option<&'static str> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next()) else {
            return Some("one Host is expected");
        };
        if !self.knows(host) || uri.authority().is_some_and(|authority| !self.knows(authority.as_str())) {
            return Some("this name is not one of this machine's: see --host-name");
        }
        let own = |origin: &HeaderValue| {
            let place = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
            place.is_some_and(|place| place.eq_ignore_ascii_case(host))
        };
        if !headers.get_all(header::ORIGIN).iter().all(own) {
            return Some("pages of another origin are not answered");
        }
        let here = |site: &HeaderValue| site == "same-origin" || site == "none";
        (!headers.get_all(FETCH_SITE).iter().all(here)).then_some("pages of another site are not answered")
    }
}

/// Refuses requests under another name, and those of other sites' pages.
pub(crate) async fn named_only(State(names): State<HostNames>, request: Request, next: Next) -> Response {
    match names.refusal(request.uri(), request.headers()) {
        Some(why) => refused(StatusCode::FORBIDDEN, why),
        None => next.run(request).await,
    }
}

/// Refuses what does not come from this machine, and whatever changes something but is no JSON, which is what a page
/// of another site can send without being asked.
pub(crate) async fn local_only(State(names): State<HostNames>, request: Request, next: Next) -> Response {
    if let Some(why) = names.refusal(request.uri(), request.headers()) {
        return refused(StatusCode::FORBIDDEN, why);
    }
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    if !reads && !is_json(request.headers()) {
        return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json");
    }
    let mut answer = next.run(request).await;
    // no other site embeds it, and no cache keeps it
    let headers = answer.headers_mut();
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn refused(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({"error": why}))).into_response()
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(media), None) = (types.next().and_then(|media| media.to_str().ok()), types.next()) else { return false };
    let essence = media.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}
