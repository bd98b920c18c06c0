//! Signed calls of services that no SDK of ours speaks.

use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use bytes::Bytes;

use super::{Http, credentials};
use crate::{BoxFuture, clock::Clock, config::StoreSettings, http_client};

/// A call of a service.
#[derive(Debug)]
pub struct Call<'a> {
    /// The service, as signatures name it.
    pub service: &'static str,
    /// Method.
    pub method: &'static str,
    /// What follows the endpoint's final slash: path and query, escaped.
    pub path: &'a str,
    /// Headers, the names in lower case.
    pub headers: &'a [(&'static str, &'static str)],
    /// Body.
    pub body: String,
}

impl Http {
    /// Makes a call with the signature of the settings' credentials: the answer's status and body, or why there is none.
    ///
    /// # Errors
    /// When it cannot be signed, or there is no answer in time.
    pub fn call(&self, settings: &StoreSettings, call: Call<'_>) -> BoxFuture<'static, Result<(u16, Bytes), String>> {
        let url = format!("{}{}", self.url(), call.path);
        let signed = signed(settings, &url, &call);
        let (connector, method, body) = (self.connector(), call.method, call.body);
        Box::pin(async move { http_client::send_through(connector, method, url, signed?, body).await })
    }
}

/// The headers of a request, with the function's signature.
fn signed(settings: &StoreSettings, url: &str, call: &Call<'_>) -> Result<Vec<(&'static str, String)>, String> {
    let identity = credentials(settings).into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&settings.region)
        .name(call.service)
        // what AWS judges by is the machine's clock
        .time(Clock::system().now().into())
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let body = SignableBody::Bytes(call.body.as_bytes());
    let request = SignableRequest::new(call.method, url, call.headers.iter().copied(), body);
    let (instructions, _) =
        sign(request.map_err(|error| error.to_string())?, &params).map_err(|error| error.to_string())?.into_parts();
    let mut headers: Vec<_> = call.headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    for name in ["authorization", "x-amz-date", "x-amz-security-token"] {
        let found = instructions.headers().find(|(known, _)| *known == name);
        headers.extend(found.map(|(_, value)| (name, value.to_owned())));
    }
    Ok(headers)
}
