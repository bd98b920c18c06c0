//! Services of AWS's that no client of the SDK is linked for: requests that are signed here.

use std::time::Duration;

use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};

use crate::{
    aws::{Http, credentials},
    clock::Clock,
    config::StoreSettings,
    http_client::{self, Answer, LIMITS, Limits},
};

/// One service; it is reached with the settings' credentials.
#[derive(Clone, Debug)]
pub struct Service {
    settings: StoreSettings,
    http: Http,
    name: &'static str,
}

impl Service {
    /// The service that signatures call `name`, which is the first label of its hosts, too; `endpoint` in place of AWS's.
    #[must_use]
    pub fn of(settings: &StoreSettings, name: &'static str, endpoint: Option<&str>) -> Self {
        Self { settings: settings.clone(), http: Http::of(settings, name, endpoint), name }
    }

    /// Sends one request to `path`, with its query: the answer's status and body, or why there is none within `limit`.
    ///
    /// # Errors
    /// When it cannot be signed, or there is no answer.
    pub fn call(
        &self,
        method: &'static str,
        path: &str,
        headers: Vec<(&'static str, String)>,
        body: String,
        limit: Duration,
    ) -> Answer {
        let url = format!("{}{}", self.http.url(), path.trim_start_matches('/'));
        match self.signed(method, &url, headers, &body) {
            Ok(headers) => http_client::send_within(
                Limits { time: limit, ..LIMITS },
                self.http.connector(),
                method,
                url,
                headers,
                body,
            ),
            Err(cause) => Box::pin(async { Err(cause) }),
        }
    }

    /// The headers with the caller's signature.
    fn signed(
        &self,
        method: &str,
        url: &str,
        mut headers: Vec<(&'static str, String)>,
        body: &str,
    ) -> Result<Vec<(&'static str, String)>, String> {
        let identity = credentials(&self.settings).into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.settings.region)
            .name(self.name)
            // what AWS judges by is the machine's clock
            .time(Clock::system().now().into())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let own = headers.iter().map(|(name, value)| (*name, value.as_str()));
        let request = SignableRequest::new(method, url, own, SignableBody::Bytes(body.as_bytes()));
        let request = request.map_err(|error| error.to_string())?;
        let (instructions, _) = sign(request, &params).map_err(|error| error.to_string())?.into_parts();
        for name in ["authorization", "x-amz-date", "x-amz-security-token"] {
            let found = instructions.headers().find(|(known, _)| *known == name);
            headers.extend(found.map(|(_, value)| (name, value.to_owned())));
        }
        Ok(headers)
    }
}
