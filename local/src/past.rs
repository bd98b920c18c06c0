//! The APIs as they were some time ago.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use axum::{body::Body, extract::Request};
use http::Method;
use http_body_util::BodyExt as _;
use serde_json::Value;
use shared::context::Context;
use time::{Duration, OffsetDateTime};

use crate::{embedded_store::EngineError, gateway::Gateway};

/// Which API a request is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Api {
    /// Outsend.
    Outsend,
    /// OpenScouter.
    OpenScouter,
}

/// The linked functions over a server's store, by a clock of their own that only goes on when it is told to. Nobody
/// listens there: what happened before a server started is told through it, and so by the rules of the APIs.
#[derive(Debug)]
pub(crate) struct Past {
    context: Context,
    outsend: Arc<Gateway>,
    openscouter: Arc<Gateway>,
    offset: Arc<AtomicI64>,
    now: OffsetDateTime,
}

impl Past {
    /// The APIs behind two gateways, whose functions work with `context`; its clock is moved by `offset`.
    pub(crate) fn new(context: Context, [outsend, openscouter]: [Gateway; 2], offset: Arc<AtomicI64>) -> Self {
        let now = context.clock().now();
        Self { context, outsend: Arc::new(outsend), openscouter: Arc::new(openscouter), offset, now }
    }

    /// What the functions work with.
    pub(crate) const fn context(&self) -> &Context {
        &self.context
    }

    /// What the clock shows, but for what requests took.
    pub(crate) const fn now(&self) -> OffsetDateTime {
        self.now
    }

    /// Lets time go by.
    pub(crate) fn advance(&mut self, by: Duration) {
        self.now += by;
        self.offset.fetch_add(i64::try_from(by.whole_milliseconds()).unwrap_or(0), Ordering::SeqCst);
    }

    /// Sends a request; the status and the JSON of the answer.
    ///
    /// # Errors
    /// When the answer cannot be read.
    pub(crate) async fn ask(
        &self,
        api: Api,
        (method, path): (Method, &str),
        credential: (&str, &str),
        body: &Value,
    ) -> Result<(u16, Value), EngineError> {
        let gateway = match api {
            Api::Outsend => &self.outsend,
            Api::OpenScouter => &self.openscouter,
        };
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder().method(method).uri(path).header("host", "localhost");
        let request = request.header("content-type", "application/json").header(credential.0, credential.1);
        let answer = gateway.ask(request.body(Body::from(text))?).await;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok((status, serde_json::from_slice(&body)?))
    }
}
