//! What stands in front of a function: its authorizer, and the usage plan of the key that the authorizer names.

use bytes::Bytes;
use http::request::Parts;
use serde::Deserialize;
use shared::lambda::{Invoke, InvokeError};
use tokio::sync::Semaphore;

use super::event;
use crate::{
    template::Api,
    usage_plans::{UsagePlans, Verdict},
};

/// What the gateway answers in place of the function: the kind of its response, and what it says where the template has none.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) kind: &'static str,
    pub(super) default: &'static str,
    pub(super) status: u16,
    pub(super) message: &'static str,
}

const fn refusal(kind: &'static str, status: u16, message: &'static str) -> Refusal {
    let default = if status < 500 { "DEFAULT_4XX" } else { "DEFAULT_5XX" };
    Refusal { kind, default, status, message }
}

const UNAUTHORIZED: Refusal = refusal("UNAUTHORIZED", 401, "Unauthorized");
const DENIED: Refusal = refusal("ACCESS_DENIED", 403, "User is not authorized to access this resource");
const THROTTLED: Refusal = refusal("THROTTLED", 429, "Too Many Requests");
const UNKNOWN_KEY: Refusal = refusal("INVALID_API_KEY", 403, "Forbidden");
const FAILED: Refusal = refusal("AUTHORIZER_FAILURE", 500, "Internal server error");
const MISCONFIGURED: Refusal = refusal("AUTHORIZER_CONFIGURATION_ERROR", 500, "Internal server error");

/// An authorizer's answer, as far as the gateway needs it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    policy_document: Policy,
    usage_identifier_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    statement: Vec<Statement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: String,
}

/// What stands in front of an API's functions.
pub(super) struct Front {
    /// The authorizer.
    pub(super) authorizer: Option<Invoke>,
    /// The usage plans that its answers are held against.
    pub(super) plans: UsagePlans,
    /// How many more of the authorizer's invocations may run now. Those that wait for their turn are not in the time that the
    /// template gives each: in the cloud, none takes another's.
    pub(super) asking: Semaphore,
}

impl Front {
    /// Whether a request goes on to its function, at a time in milliseconds.
    pub(super) async fn admits(
        &self,
        api: &Api,
        name: &str,
        parts: &Parts,
        (frame, now): (&str, i64),
    ) -> Result<(), Refusal> {
        let source = api.authorizers.get(name).ok_or(MISCONFIGURED)?;
        if source.as_ref().is_some_and(|header| parts.headers.get(header).is_none_or(|value| value.is_empty())) {
            return Err(UNAUTHORIZED);
        }
        let answer = self.ask(event::asked(api, parts.method.as_str(), frame)).await.map_err(|error| {
            tracing::error!(cause = %error, "authorizer failed");
            FAILED
        })?;
        let answer: Answer = serde_json::from_slice(&answer).map_err(|_| MISCONFIGURED)?;
        let mut statements = answer.policy_document.statement.iter();
        if !statements.any(|statement| statement.effect == "Allow") {
            return Err(DENIED);
        }
        match self.plans.take(&answer.usage_identifier_key.unwrap_or_default(), now) {
            Verdict::Passed => Ok(()),
            Verdict::Throttled => Err(THROTTLED),
            Verdict::Unknown => {
                tracing::error!(api = api.name, "the authorizer names a key that no usage plan has");
                Err(UNKNOWN_KEY)
            }
        }
    }

    async fn ask(&self, event: Bytes) -> Result<Bytes, InvokeError> {
        let invoke = self.authorizer.as_ref().ok_or_else(|| InvokeError::failed("no such function"))?;
        let _asking = self.asking.acquire().await;
        invoke(event).await?.whole().ok_or_else(|| InvokeError::failed("a streamed answer"))
    }
}
