//! Services of AWS's that no client of the SDK is linked for: requests that are signed here.

use std::time::Duration;

use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
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
        self.exchange(Limits { time: limit, ..LIMITS }, method, path, headers, body.into_bytes())
    }

    /// As [`Self::call`], with what is no text, within limits of the caller's.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub(crate) fn exchange(
        &self,
        limits: Limits,
        method: &'static str,
        path: &str,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> Answer {
        let url = format!("{}{}", self.http.url(), path.trim_start_matches('/'));
        match self.signed(method, &url, headers, &body) {
            Ok(headers) => http_client::send_within(limits, self.http.connector(), method, url, headers, body),
            Err(cause) => Box::pin(async { Err(cause) }),
        }
    }

    /// The headers with the caller's signature.
    fn signed(
        &self,
        method: &str,
        url: &str,
        mut headers: Vec<(&'static str, String)>,
        body: &[u8],
    ) -> Result<Vec<(&'static str, String)>, String> {
        let mut settings = SigningSettings::default();
        if self.name == "s3" {
            // it wants the body's digest said, and a path's escapes as they are
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        let identity = credentials(&self.settings).into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.settings.region)
            .name(self.name)
            // what AWS judges by is the machine's clock
            .time(Clock::system().now().into())
            .settings(settings)
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let own = headers.iter().map(|(name, value)| (*name, value.as_str()));
        let request = SignableRequest::new(method, url, own, SignableBody::Bytes(body));
        let request = request.map_err(|error| error.to_string())?;
        let (instructions, _) = sign(request, &params).map_err(|error| error.to_string())?.into_parts();
        for name in ["authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"] {
            let found = instructions.headers().find(|(known, _)| *known == name);
            headers.extend(found.map(|(_, value)| (name, value.to_owned())));
        }
        Ok(headers)
    }
}
