//! The embedded engines for the functions that run in this process: AWS's client hands its requests over without a socket.

use std::{fmt, sync::Arc};

use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use dynoxide::Database;

use super::service::{JSON, answer};

/// Engines by the endpoint that their clients are told. What is sent here is this process's own, so that its signature
/// is not looked at.
#[derive(Clone)]
pub struct InProcess(Arc<[(String, Database)]>);

impl fmt::Debug for InProcess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints = self.0.iter().map(|(endpoint, _)| endpoint);
        formatter.debug_list().entries(endpoints).finish()
    }
}

impl InProcess {
    /// A client of these engines.
    #[must_use]
    pub(super) fn new(engines: Vec<(String, Database)>) -> Self {
        Self(engines.into())
    }

    /// A client of the engines of several.
    pub(super) fn all<'a>(clients: impl Iterator<Item = &'a Self>) -> Self {
        Self::new(clients.flat_map(|client| client.0.iter().cloned()).collect())
    }

    fn respond(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let engine = self.0.iter().find(|(endpoint, _)| request.uri().starts_with(endpoint.as_str()));
        let (_, database) = engine.ok_or_else(|| other(format!("no engine at {}", request.uri())))?;
        let body = request.body().bytes().ok_or_else(|| other("a streamed body".to_owned()))?;
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let (status, text) = answer(database, target, body);
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
            engines.respond(&request)
        })
    }
}

impl HttpClient for InProcess {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
