//! What the gateway asks: a request without its body.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;
use shared::{http::Request, openscouter, outsend, outset, secret::sha256_hex};

/// A public API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    Outset,
    Outsend,
    OpenScouter,
}

/// What the gateway asks.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) api: Api,
    pub(crate) method_arn: String,
    /// `None` when the event is of no form that is known.
    pub(crate) request: Option<Request>,
}

/// What is in the event beside the request; of whatever type, since nothing here is worth a refusal.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Frame {
    method_arn: Value,
    stage_variables: Value,
}

impl Api {
    fn named(name: &str) -> Option<Self> {
        [Self::Outset, Self::Outsend, Self::OpenScouter].into_iter().find(|api| api.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Outset => "outset",
            Self::Outsend => "outsend",
            Self::OpenScouter => "openscouter",
        }
    }

    fn roots(self) -> &'static [&'static str] {
        match self {
            Self::Outset => outset::DIALECT.roots,
            Self::Outsend => outsend::DIALECT.roots,
            Self::OpenScouter => openscouter::DIALECT.roots,
        }
    }
}

impl fmt::Display for Api {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Event {
    /// Reads an event. The stage says in a variable which API it is of.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let frame: Frame = serde_json::from_slice(bytes).unwrap_or_default();
        let api = frame.stage_variables.get("api").and_then(Value::as_str).and_then(Api::named);
        let api = api.unwrap_or(Api::Outset);
        let request = Request::from_event(bytes, api.roots(), 1);
        if let Err(cause) = &request {
            tracing::warn!(cause, "event of no known form");
        }
        let method_arn = frame.method_arn.as_str().unwrap_or_default().to_owned();
        Self { api, method_arn, request: request.ok() }
    }

    /// What tells the presented credential from all others; `None` when there is none.
    pub(crate) fn fingerprint(&self) -> Option<String> {
        let request = self.request.as_ref()?;
        let presented = match self.api {
            Api::Outset | Api::OpenScouter => request.header("authorization")?,
            Api::Outsend => match request.header("x-api-key") {
                Some(key) => key,
                None => request.header("cookie")?,
            },
        };
        Some(sha256_hex(format!("{}\n{presented}", self.api).as_bytes()))
    }
}
