//! API Gateway's control plane, as far as keys need it. No key's value is in an error: of an answer that is none, its status
//! alone is told.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    config::{ExposeSecret as _, SecretString, Settings},
    signed::Service,
};

/// How long a call may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Keys of one answer that are looked through.
const LISTED: u32 = 100;

/// The control plane.
#[derive(Debug)]
pub(crate) struct ControlPlane(Service);

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// It is asked too much, or out of reach: later it may do.
    #[error("the control plane is busy: {0}")]
    Busy(String),
    /// It refuses.
    #[error("the control plane refuses: status {0}")]
    Refused(u16),
}

/// What became of a key that is put into a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    /// It is there.
    There,
    /// It is there already, or in another plan of the same API.
    Conflict,
}

#[derive(Deserialize)]
struct Key {
    id: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Keys {
    #[serde(default, alias = "items")]
    item: Vec<Key>,
}

impl ControlPlane {
    /// The control plane that `settings` describe; `None` when they name no plans to put keys into.
    pub(crate) fn connect(settings: &Settings) -> Option<Self> {
        let gateway = &settings.gateway;
        let service = || Service::of(&settings.store, "apigateway", gateway.endpoint.as_deref());
        gateway.has_plans().then(|| Self(service()))
    }

    /// Makes a key: its id; `None` when there is one with this value.
    pub(crate) async fn create(&self, name: &str, value: &SecretString) -> Result<Option<String>, CallError> {
        let body = json!({"name": name, "value": value.expose_secret(), "enabled": true});
        match self.send("POST", "apikeys", Some(body)).await? {
            (201, answer) => read::<Key>(&answer).map(|key| Some(key.id)),
            (409, _) => Ok(None),
            (status, _) => Err(CallError::Refused(status)),
        }
    }

    /// The id of the key with this name.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<String>, CallError> {
        match self.send("GET", &format!("apikeys?limit={LISTED}&name={name}"), None).await? {
            (200, answer) => {
                // what is asked for is how names begin
                let keys = read::<Keys>(&answer)?.item;
                Ok(keys.into_iter().find(|key| key.name == name).map(|key| key.id))
            }
            (status, _) => Err(CallError::Refused(status)),
        }
    }

    /// Removes a key, which leaves its plans by that.
    pub(crate) async fn delete(&self, id: &str) -> Result<(), CallError> {
        self.gone(&format!("apikeys/{id}")).await
    }

    /// Puts a key into a plan.
    pub(crate) async fn enter(&self, plan: &str, id: &str) -> Result<Entered, CallError> {
        let body = json!({"keyId": id, "keyType": "API_KEY"});
        match self.send("POST", &format!("usageplans/{plan}/keys"), Some(body)).await? {
            (201, _) => Ok(Entered::There),
            (409, _) => Ok(Entered::Conflict),
            (status, _) => Err(CallError::Refused(status)),
        }
    }

    /// Whether a key is in a plan.
    pub(crate) async fn is_in(&self, plan: &str, id: &str) -> Result<bool, CallError> {
        match self.send("GET", &format!("usageplans/{plan}/keys/{id}"), None).await? {
            (200, _) => Ok(true),
            (404, _) => Ok(false),
            (status, _) => Err(CallError::Refused(status)),
        }
    }

    /// Takes a key out of a plan.
    pub(crate) async fn leave(&self, plan: &str, id: &str) -> Result<(), CallError> {
        self.gone(&format!("usageplans/{plan}/keys/{id}")).await
    }

    async fn gone(&self, path: &str) -> Result<(), CallError> {
        match self.send("DELETE", path, None).await? {
            (200..=204 | 404, _) => Ok(()),
            (status, _) => Err(CallError::Refused(status)),
        }
    }

    /// Sends a call, and once more when nobody answers it: each can be made twice.
    async fn send(&self, method: &'static str, path: &str, body: Option<Value>) -> Result<(u16, Bytes), CallError> {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let headers = ["accept", "content-type"].map(|name| (name, "application/json".to_owned()));
        let call = || self.0.call(method, path, headers.to_vec(), body.clone(), TIME_LIMIT);
        let mut answered = call().await;
        if answered.as_ref().is_ok_and(|(status, _)| *status >= 500) || answered.is_err() {
            answered = call().await;
        }
        match answered {
            Ok((status, _)) if status == 429 || status >= 500 => Err(CallError::Busy(format!("status {status}"))),
            Ok(answered) => Ok(answered),
            Err(cause) => Err(CallError::Busy(cause)),
        }
    }
}

fn read<'a, T: Deserialize<'a>>(answer: &'a Bytes) -> Result<T, CallError> {
    // the text may hold a key's value, and so might the error
    serde_json::from_slice(answer).map_err(|_| CallError::Busy("an answer of another form".to_owned()))
}
