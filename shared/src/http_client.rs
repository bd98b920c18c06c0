//! Calls of other services over HTTP: what the AWS clients use, so that there is one stack.

use std::time::Duration;

use aws_smithy_http_client::{
    Connector,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector as _, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use bytes::Bytes;

use crate::BoxFuture;

/// What a call may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long it may last.
    pub(crate) time: Duration,
    /// Most bytes of its answer.
    pub(crate) bytes: usize,
}

/// What most calls may take.
pub(crate) const LIMITS: Limits = Limits { time: Duration::from_secs(10), bytes: 1_048_576 };

/// The answer's status and body, or why there is none.
pub(crate) type Answer = BoxFuture<'static, Result<(u16, Bytes), String>>;

/// Whether a URL asks for plain HTTP, which needs no certificates.
pub(crate) fn is_plain(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("http"))
}

/// What sends requests to whom `roots` vouch for.
pub(crate) fn connector(roots: TrustStore, settings: HttpConnectorSettings) -> SharedHttpConnector {
    let builder = Connector::builder().connector_settings(settings);
    let builder = builder.tls_provider(Provider::Rustls(CryptoMode::Ring));
    // the result is of the form that all builders have: this one cannot fail
    let builder = match TlsContext::builder().with_trust_store(roots).build() {
        Ok(context) => builder.tls_context(context),
        Err(_) => builder,
    };
    SharedHttpConnector::new(builder.build())
}

/// Sends a request: method, URL, headers and body. The answer's status and body, or why there is none; redirects are
/// not followed. Who answers is checked against the system's roots.
///
/// # Errors
/// When there is no answer within ten seconds, or it is too long.
pub fn send(method: &'static str, url: String, headers: Vec<(&'static str, String)>, body: String) -> Answer {
    send_up_to(LIMITS, method, url, headers, body)
}

/// As [`send`], within limits of the caller's.
///
/// # Errors
/// As [`send`].
pub(crate) fn send_up_to(
    limits: Limits,
    method: &'static str,
    url: String,
    headers: Vec<(&'static str, String)>,
    body: String,
) -> Answer {
    let roots = if is_plain(&url) { TrustStore::empty() } else { TrustStore::default() };
    send_within(limits, connector(roots, HttpConnectorSettings::default()), method, url, headers, body.into_bytes())
}

/// As [`send`], through a connector of the caller's.
///
/// # Errors
/// As [`send`].
pub(crate) fn send_through(
    connector: SharedHttpConnector,
    method: &'static str,
    url: String,
    headers: Vec<(&'static str, String)>,
    body: String,
) -> Answer {
    send_within(LIMITS, connector, method, url, headers, body.into_bytes())
}

/// As [`send_through`], within limits of the caller's.
///
/// # Errors
/// As [`send`].
pub(crate) fn send_within(
    limits: Limits,
    connector: SharedHttpConnector,
    method: &'static str,
    url: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
) -> Answer {
    Box::pin(async move {
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(SdkBody::from(body)).map_err(|error| error.to_string())?;
        let request = HttpRequest::try_from(request).map_err(|error| error.to_string())?;
        let call = async {
            let answer = connector.call(request).await.map_err(|error| format!("{error:?}"))?;
            let status = answer.status().as_u16();
            let body = ByteStream::new(answer.into_body()).collect().await.map_err(|error| error.to_string())?;
            let body = body.into_bytes();
            if body.len() > limits.bytes { Err("the answer is too long".to_owned()) } else { Ok((status, body)) }
        };
        tokio::time::timeout(limits.time, call).await.map_err(|_| "no answer in time".to_owned())?
    })
}
