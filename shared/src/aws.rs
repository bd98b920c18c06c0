//! How AWS clients are built: one HTTP stack, credentials and region from the settings.

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, HttpClient, IntoShared as _, Region, SharedHttpClient};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

use crate::config::{ExposeSecret as _, StoreSettings};

/// How every client of AWS speaks HTTP.
pub fn http_client() -> impl HttpClient + use<> {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// The credentials that every client of AWS presents.
#[must_use]
pub fn credentials(settings: &StoreSettings) -> Credentials {
    let credentials = &settings.credentials;
    Credentials::new(
        credentials.access_key_id.expose_secret(),
        credentials.secret_access_key.expose_secret(),
        credentials.session_token.as_ref().map(|token| token.expose_secret().to_owned()),
        None,
        "environment",
    )
}

/// A DynamoDB client, at `endpoint` when there is one, that speaks HTTP through `http` when there is that.
pub(crate) fn dynamodb(
    settings: &StoreSettings,
    endpoint: Option<&str>,
    http: Option<&SharedHttpClient>,
) -> aws_sdk_dynamodb::Client {
    let mut config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http.cloned().unwrap_or_else(|| http_client().into_shared()))
        .region(Region::new(settings.region.clone()))
        .credentials_provider(credentials(settings));
    if let Some(endpoint) = endpoint {
        config = config.endpoint_url(endpoint);
    }
    aws_sdk_dynamodb::Client::from_conf(config.build())
}
