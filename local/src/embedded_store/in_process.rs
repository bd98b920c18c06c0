//! The embedded engines for the functions that run in this process: AWS's client hands its requests over without a socket.

use std::{fmt, io, sync::Arc};

use aws_sdk_dynamodb::config::{
    Builder as StoreBuilder, StalledStreamProtectionConfig,
    endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint},
    timeout::TimeoutConfig,
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        auth::{AuthScheme, AuthSchemeEndpointConfig, AuthSchemeId, Sign},
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        identity::{Identity, IdentityCacheLocation, IdentityFuture, ResolveIdentity, SharedIdentityResolver},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::{GetIdentityResolver, RuntimeComponents},
    },
    http::StatusCode,
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag};
use tokio::time::Instant;

use super::{
    opened::{Opened, told},
    service::{JSON, answer},
    share::{Share, aside},
};

/// Engines by the endpoint that their clients are told. What is sent here is this process's own, so that its signature
/// is not looked at.
#[derive(Clone)]
pub struct InProcess {
    engines: Arc<[(String, Opened)]>,
    share: Arc<Share>,
}

impl fmt::Debug for InProcess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints = self.engines.iter().map(|(endpoint, _)| endpoint);
        formatter.debug_list().entries(endpoints).finish()
    }
}

impl InProcess {
    /// A client of these engines.
    #[must_use]
    pub(super) fn new(engines: Vec<(String, Opened)>) -> Self {
        Self { engines: engines.into(), share: Arc::default() }
    }

    /// What makes the configuration of a store's client find these engines at its endpoint. What only matters between
    /// machines is left out: signatures, which nobody checks here, and time limits.
    pub fn reach(&self) -> impl Fn(StoreBuilder, Option<&str>) -> StoreBuilder + Send + Sync + 'static {
        let engines = self.clone();
        move |config, endpoint: Option<&str>| {
            let endpoint = endpoint.unwrap_or_default();
            config
                .http_client(engines.clone())
                .endpoint_resolver(Here(Endpoint::builder().url(endpoint.to_owned()).build()))
                .push_auth_scheme(Unsigned(SharedIdentityResolver::new(Nobody(Identity::new((), None)))))
                .timeout_config(TimeoutConfig::disabled())
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        }
    }

    /// Answers a request, when what was written for it is on the disk.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub async fn told<T>(&self, work: impl Future<Output = T>) -> io::Result<T> {
        let _request = self.share.request();
        told(self.engines.iter().map(|(_, engine)| engine), work).await
    }

    /// Does work in the background, which makes way for requests, and waits until what it wrote is on the disk.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub async fn aside<T>(&self, work: impl Future<Output = T>) -> io::Result<T> {
        told(self.engines.iter().map(|(_, engine)| engine), aside(work)).await
    }

    /// A client of the engines of several.
    pub(super) fn all<'a>(clients: impl Iterator<Item = &'a Self>) -> Self {
        Self::new(clients.flat_map(|client| client.engines.iter().cloned()).collect())
    }

    async fn respond(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let engine = self.engines.iter().find(|(endpoint, _)| request.uri().starts_with(endpoint.as_str()));
        let (_, engine) = engine.ok_or_else(|| other(format!("no engine at {}", request.uri())))?;
        let body = request.body().bytes().ok_or_else(|| other("a streamed body".to_owned()))?;
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let (status, text) = answer(engine, target, body, true).await;
        let status = StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
        let mut response = HttpResponse::new(status, SdkBody::from(text));
        response.headers_mut().insert("content-type", JSON);
        Ok(response)
    }
}

fn other(cause: String) -> ConnectorError {
    ConnectorError::user(cause.into())
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let engines = self.clone();
        HttpConnectorFuture::new(async move {
            // the engine's calls block: others that are ready go first
            tokio::task::yield_now().await;
            let began = Instant::now();
            let answer = engines.respond(&request).await;
            engines.share.make_way(began.elapsed()).await;
            answer
        })
    }
}

impl HttpClient for InProcess {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// The one endpoint that there is, without the rules of regions and accounts.
#[derive(Debug)]
struct Here(Endpoint);

impl ResolveEndpoint for Here {
    fn resolve_endpoint(&self, _: &Params) -> EndpointFuture<'_> {
        EndpointFuture::ready(Ok(self.0.clone()))
    }
}

/// Who signs nothing.
#[derive(Debug)]
struct Nobody(Identity);

impl ResolveIdentity for Nobody {
    fn resolve_identity<'a>(&'a self, _: &'a RuntimeComponents, _: &'a ConfigBag) -> IdentityFuture<'a> {
        IdentityFuture::ready(Ok(self.0.clone()))
    }

    fn cache_location(&self) -> IdentityCacheLocation {
        IdentityCacheLocation::IdentityResolver
    }
}

/// What stands in the place of AWS's signature.
#[derive(Debug)]
struct Unsigned(SharedIdentityResolver);

impl AuthScheme for Unsigned {
    fn scheme_id(&self) -> AuthSchemeId {
        AuthSchemeId::new("sigv4")
    }

    fn identity_resolver(&self, _: &dyn GetIdentityResolver) -> Option<SharedIdentityResolver> {
        Some(self.0.clone())
    }

    fn signer(&self) -> &dyn Sign {
        self
    }
}

impl Sign for Unsigned {
    fn sign_http_request(
        &self,
        _: &mut HttpRequest,
        _: &Identity,
        _: AuthSchemeEndpointConfig<'_>,
        _: &RuntimeComponents,
        _: &ConfigBag,
    ) -> Result<(), BoxError> {
        Ok(())
    }
}
