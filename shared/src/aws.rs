//! How AWS clients are built: one HTTP stack, credentials and region from the settings.

use aws_sdk_dynamodb::config::{BehaviorVersion, Builder as StoreBuilder, Credentials, HttpClient, Region};
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

/// What a caller makes of the configuration of a store's client, which is at an endpoint, to reach it in a way of its own.
pub type Reach = dyn Fn(StoreBuilder, &str) -> StoreBuilder + Send + Sync;

/// A DynamoDB client, at `endpoint` when there is one, reached over HTTP or as `reach` says.
pub(crate) fn dynamodb(
    settings: &StoreSettings,
    endpoint: Option<&str>,
    reach: Option<&Reach>,
) -> aws_sdk_dynamodb::Client {
    let mut config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.region.clone()))
        .credentials_provider(credentials(settings));
    config = match (endpoint, reach) {
        (Some(endpoint), Some(reach)) => reach(config, endpoint),
        (Some(endpoint), None) => config.endpoint_url(endpoint).http_client(http_client()),
        (None, _) => config.http_client(http_client()),
    };
    aws_sdk_dynamodb::Client::from_conf(config.build())
}
