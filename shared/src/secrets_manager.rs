//! Secrets that a process fetches when it starts, once: the environment names them and does not hold them, so that
//! nobody reads one who may only look at a function's settings.

use std::time::Duration;

use futures_util::future::try_join_all;
use serde::Deserialize;
use serde_json::json;

use crate::{
    BoxFuture,
    aws::{Call, Http},
    config::{Environment, SECRETS, SECRETS_ENDPOINT, SecretString, SettingsError, StoreSettings},
};

const TARGET: &str = "secretsmanager.GetSecretValue";
const JSON: &str = "application/x-amz-json-1.1";
/// How often a secret is asked for, and the pause before the second time, which doubles.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(100);

/// A variable, and the secret that it stands for.
pub type Fetched = (&'static str, SecretString);

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "SecretString")]
    text: SecretString,
}

/// The secrets that `lookup` names (`OUTSCOUT_…_SECRET_NAME`), by the variable that would hold them. A variable that is
/// set itself is not asked for, so that a laptop needs no Secrets Manager.
///
/// # Errors
/// Names the variable whose secret is not to be had.
pub fn fetch(lookup: &dyn Fn(&str) -> Option<String>) -> BoxFuture<'static, Result<Vec<Fetched>, SettingsError>> {
    let env = Environment::new(lookup);
    let named = SECRETS.iter().filter(|(variable, _)| env.optional(variable).is_none());
    let named: Vec<_> = named.filter_map(|(variable, name)| Some((*variable, env.optional(name)?))).collect();
    if named.is_empty() {
        return Box::pin(async { Ok(Vec::new()) });
    }
    let store = StoreSettings::from_env(&env);
    let endpoint = env.optional(SECRETS_ENDPOINT);
    Box::pin(async move {
        let store = store?;
        let http = Http::of(&store, "secretsmanager", endpoint.as_deref());
        try_join_all(named.into_iter().map(|(variable, name)| one(&store, &http, variable, name))).await
    })
}

/// One secret: asked for again when the service is busy or out of reach.
async fn one(
    store: &StoreSettings,
    http: &Http,
    variable: &'static str,
    name: String,
) -> Result<Fetched, SettingsError> {
    let refused = |cause: String| SettingsError::Secret { variable, cause };
    let (mut pause, mut attempt) = (PAUSE, 1);
    loop {
        let body = json!({"SecretId": name}).to_string();
        let headers = &[("content-type", JSON), ("x-amz-target", TARGET)];
        let call = Call { service: "secretsmanager", method: "POST", path: "", headers, body };
        let cause = match http.call(store, call).await {
            Ok((200, answer)) => {
                let answer: Result<Answer, _> = serde_json::from_slice(&answer);
                return answer.map(|answer| (variable, answer.text)).map_err(|_| refused("it is no text".to_owned()));
            }
            Ok((status, answer)) => {
                let kind = serde_json::from_slice::<serde_json::Value>(&answer).unwrap_or_default();
                let kind = kind.get("__type").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
                let kind = kind.rsplit('#').next().unwrap_or_default();
                let busy = status == 429 || status >= 500 || kind.contains("Throttling");
                let cause = format!("status {status} {kind}");
                if !busy {
                    return Err(refused(cause));
                }
                cause
            }
            Err(cause) => cause,
        };
        if attempt == ATTEMPTS {
            return Err(refused(cause));
        }
        tokio::time::sleep(pause).await;
        (pause, attempt) = (pause * 2, attempt + 1);
    }
}
