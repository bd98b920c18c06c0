//! An Outsend API, wherever it is, as a command calls it.

use std::time::Duration;

use clap::Args;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;
use shared::json;

use super::output::Failed;
use crate::tls;

/// The base URL of a server on this machine that has the usual ports.
const HERE: &str = "http://127.0.0.1:4002/api";

#[derive(Debug, Args)]
pub(super) struct Api {
    /// Base URL of the API
    #[arg(long, env = "OUTSCOUT_OUTSEND_URL", default_value = HERE)]
    url: String,
    /// API key, osk_…; `outscout status` tells the demo's
    #[arg(long, env = "OUTSCOUT_OUTSEND_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Print JSON, one line for each answer or event
    #[arg(long)]
    pub(super) json: bool,
}

/// An API that answers.
pub(super) struct Remote {
    pub(super) client: Client,
    pub(super) api: Api,
    key: String,
}

/// What sends a command's requests.
pub(super) fn client() -> Result<Client, Failed> {
    tls::provide();
    Ok(Client::builder().connect_timeout(Duration::from_secs(10)).build()?)
}

impl Remote {
    pub(super) fn new(mut api: Api) -> Result<Self, Failed> {
        // an empty variable is none
        let key = api.key.take().map(|key| key.trim().to_owned()).filter(|key| !key.is_empty()).ok_or_else(|| {
            usage("no API key: give --key or set OUTSCOUT_OUTSEND_KEY (of a server on this machine, `outscout status` tells the demo's)")
        })?;
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(usage("--key (OUTSCOUT_OUTSEND_KEY) is no API key: it has blanks or signs that none has"));
        }
        api.url = match api.url.trim() {
            "" => HERE.to_owned(),
            url => url.to_owned(),
        };
        let place = Url::parse(&api.url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if place.is_none() {
            let text = format!("--url (OUTSCOUT_OUTSEND_URL) is no base URL: write it as {HERE}, port below 65536");
            return Err(usage(&text));
        }
        Ok(Self { client: client()?, api, key })
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.api.url.trim_end_matches('/'));
        self.client.request(method, url).header("X-API-Key", &self.key)
    }

    /// Sends a request; an answer that is no success becomes the failure that it tells.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Failed> {
        let answer = request.send().await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let wait = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = answer.bytes().await.unwrap_or_default();
        let mut text = refusal(status, &body, wait.as_deref());
        if let Some(next) = self.advice(status, &body) {
            text = format!("{}: {next}", text.trim_end_matches('.'));
        }
        Err(if status == StatusCode::NOT_FOUND { Failed::NotFound(text) } else { Failed::Other(text.into()) })
    }

    /// What to do about a refusal that the API's words say nothing of.
    fn advice(&self, status: StatusCode, body: &[u8]) -> Option<String> {
        // without what a URL may hold of a password
        let url = Url::parse(&self.api.url).ok()?;
        let url = format!("{}{}", url.origin().ascii_serialization(), url.path());
        if status == StatusCode::UNAUTHORIZED {
            return Some(format!(
                "{url} does not take this key; --key and OUTSCOUT_OUTSEND_KEY name one of Outsend's (osk_…), `outscout status` tells the demo's"
            ));
        }
        let detail = json::parse(body).ok().and_then(|body| body.get("detail")?.as_str().map(str::to_owned));
        // what Outsend says of a path that it does not have, or nothing that Outsend says
        let elsewhere = status == StatusCode::NOT_FOUND && detail.is_none_or(|detail| detail == "Not found.");
        elsewhere.then(|| {
            format!("is {url} the base URL of Outsend? It ends in /api; --url and OUTSCOUT_OUTSEND_URL name it")
        })
    }

    pub(super) async fn value(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failed> {
        self.answer(method, path, body.map(Value::to_string)).await
    }

    /// The answer to a body that is JSON already.
    pub(super) async fn answer(&self, method: Method, path: &str, body: Option<String>) -> Result<Value, Failed> {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body);
        }
        let answer = self.send(request).await?.bytes().await?;
        Ok(json::parse(&answer)?)
    }
}

/// What a refusal says.
fn refusal(status: StatusCode, body: &[u8], wait: Option<&str>) -> String {
    let body = json::parse(body).unwrap_or_default();
    let mut text = body.get("detail").and_then(Value::as_str).map_or_else(|| status.to_string(), str::to_owned);
    for error in body.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let part = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        // other APIs have other members
        if !part("message").is_empty() {
            text.push_str(&format!("\n  {}: {}", part("field"), part("message")));
        }
    }
    if let Some(seconds) = wait {
        text.push_str(&format!(" (try again in {seconds} s)"));
    }
    text
}

/// Wrong usage.
pub(super) fn usage(text: &str) -> Failed {
    Failed::Usage(text.to_owned())
}

/// A text that stands in a path or a query as it is.
pub(super) fn segment(text: &str) -> Result<&str, Failed> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-,".contains(&byte));
    plain.then_some(text).ok_or_else(|| usage(&format!("{text:?} is neither an id nor a name")))
}
