//! How AWS is reached: one HTTP stack, whom it trusts, credentials and region from the settings.

#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use aws_sdk_dynamodb::config::{
    BehaviorVersion, Builder as StoreBuilder, Credentials, HttpClient, Region, RuntimeComponents,
};
use aws_smithy_http_client::tls::TrustStore;
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};

use crate::{
    config::{ExposeSecret as _, StoreSettings},
    http_client::{self, is_plain},
};

/// The roots that AWS's endpoints chain to: Amazon Root CA 1 to 4, and Starfield Services Root Certificate Authority G2,
/// which signed them before they were known everywhere. So a function reads five certificates at its start and not
/// the 140 of the system. Amazon Trust Services publishes them at <https://www.amazontrust.com/repository/> for whoever
/// wants to trust them; these are the bytes of Mozilla's list as Debian ships it (ca-certificates 20230311, taken on 30
/// November 2026), and a test holds their published SHA-256. They end between 2037 and 2040.
const AMAZON_ROOTS: &str = include_str!("amazon-roots.pem");
/// The services that are called with these roots, by the first label of their hosts.
const SERVICES: [&str; 5] = ["dynamodb", "secretsmanager", "email", "apigateway", "s3"];
/// How long a connection may take to open: what the SDK has as its default.
const CONNECT_LIMIT: Duration = Duration::from_millis(3_100);
/// How long a start waits for its first connection.
const OPENING_LIMIT: Duration = Duration::from_millis(250);

/// Whom a connection trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trust {
    /// Nobody needs to be: it is plain HTTP.
    Plain,
    /// [`AMAZON_ROOTS`].
    Amazon,
    /// The certificates of `AWS_CA_BUNDLE`, as PEM.
    Given(Arc<str>),
    /// The system's roots.
    System,
}

impl Trust {
    /// Whom a connection to `url` trusts: those of `bundle` where there is one. An endpoint that is not known to be AWS's
    /// is checked against the system's roots, which hold Amazon's, too.
    fn of(url: &str, bundle: Option<&Arc<str>>) -> Self {
        match bundle {
            _ if is_plain(url) => Self::Plain,
            Some(bundle) => Self::Given(Arc::clone(bundle)),
            None if is_amazon(url) => Self::Amazon,
            None => Self::System,
        }
    }

    fn connector(&self) -> SharedHttpConnector {
        let roots = match self {
            // a connector without TLS would be all its code once more in every binary
            Self::Plain => TrustStore::empty(),
            Self::Amazon => TrustStore::empty().with_pem_certificate(AMAZON_ROOTS),
            Self::Given(bundle) => TrustStore::empty().with_pem_certificate(bundle.as_bytes()),
            Self::System => TrustStore::default(),
        };
        http_client::connector(roots, HttpConnectorSettings::builder().connect_timeout(CONNECT_LIMIT).build())
    }
}

/// Whether a URL is that of one of AWS's own endpoints that chain to [`AMAZON_ROOTS`]: not in China, in Europe's sovereign
/// cloud or in an isolated region, and not within a private network.
fn is_amazon(url: &str) -> bool {
    let host = url.strip_prefix("https://").unwrap_or_default().trim_end_matches('/');
    let name = host.strip_suffix(".amazonaws.com").and_then(|name| name.split_once('.'));
    name.is_some_and(|(service, region)| {
        let apart = region.contains('.') || region.contains("-iso") || region.starts_with("eusc-");
        SERVICES.contains(&service) && !apart
    })
}

/// The URL of a service of AWS's in the settings' region.
fn endpoint(settings: &StoreSettings, service: &str) -> String {
    let suffix = if settings.region.starts_with("cn-") { ".cn" } else { "" };
    format!("https://{service}.{}.amazonaws.com{suffix}", settings.region)
}

/// How clients of AWS speak HTTP with one endpoint. Its connector, with what it trusts, is made when it is first needed:
/// an endpoint that nobody calls costs nothing, and one that is plain HTTP reads no certificates. Clones share it.
#[derive(Clone, Debug)]
pub struct Http(Arc<Endpoint>);

#[derive(Debug)]
struct Endpoint {
    url: String,
    trust: Trust,
    connector: OnceLock<SharedHttpConnector>,
}

impl Http {
    /// The way to `service` (the first label of its host), or to `endpoint` in its place. Opens no connection.
    #[must_use]
    pub fn of(settings: &StoreSettings, service: &str, endpoint: Option<&str>) -> Self {
        let url = endpoint.map_or_else(|| self::endpoint(settings, service), str::to_owned);
        let trust = Trust::of(&url, settings.ca_bundle.as_ref());
        Self(Arc::new(Endpoint { url, trust, connector: OnceLock::new() }))
    }

    /// The endpoint's URL, with its final slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/", self.0.url.trim_end_matches('/'))
    }

    /// What sends requests; its connections are those of all clients.
    #[must_use]
    pub fn connector(&self) -> SharedHttpConnector {
        self.0.connector.get_or_init(|| self.0.trust.connector()).clone()
    }

    /// How a store's client goes this way.
    pub(crate) fn reach(&self) -> Box<Reach> {
        let http = self.clone();
        Box::new(move |config, endpoint| {
            let config = config.http_client(http.clone());
            if let Some(endpoint) = endpoint { config.endpoint_url(endpoint) } else { config }
        })
    }

    /// Opens a connection to DynamoDB before the first request needs it, while the platform still gives the start a whole
    /// processor: what costs is TLS, so a plain endpoint is left alone. Waits a quarter of a second and no longer; a
    /// failure is left for the first request to meet.
    pub(crate) async fn open(&self) {
        if self.0.trust == Trust::Plain {
            return;
        }
        // DynamoDB says that it is healthy, to anybody, and keeps the connection
        let asked = http_client::send_through(self.connector(), "GET", self.url(), Vec::new(), String::new());
        let _ = tokio::time::timeout(OPENING_LIMIT, tokio::spawn(asked)).await;
    }
}

impl HttpClient for Http {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.connector()
    }
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

/// How the configuration of a store's client becomes one that reaches an endpoint, or DynamoDB's own.
pub type Reach = dyn Fn(StoreBuilder, Option<&str>) -> StoreBuilder + Send + Sync;

/// A DynamoDB client, at `endpoint` when there is one, that reaches it as `reach` says.
pub(crate) fn dynamodb(settings: &StoreSettings, endpoint: Option<&str>, reach: &Reach) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.region.clone()))
        .credentials_provider(credentials(settings));
    aws_sdk_dynamodb::Client::from_conf(reach(config, endpoint).build())
}
