//! An Outsend API, wherever it is, as a command calls it.

use std::time::Duration;

use clap::Args;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, header::HeaderMap, redirect::Policy};
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

/// How long a server may be silent within an answer. A stream says something every two seconds.
const SILENCE: Duration = Duration::from_secs(60);

/// What sends a command's requests. It follows nothing: where it would be sent on to, the key is nobody's to have.
pub(super) fn client() -> Result<Client, Failed> {
    tls::provide();
    let client = Client::builder().redirect(Policy::none()).connect_timeout(Duration::from_secs(10));
    Ok(client.read_timeout(SILENCE).build()?)
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
        let (status, headers) = (answer.status(), answer.headers());
        if status.is_success() {
            let is_page = text_of(headers, "content-type").is_some_and(|kind| kind.starts_with("text/html"));
            return if is_page { Err(Failed::Other(self.elsewhere().into())) } else { Ok(answer) };
        }
        if let Some(place) = text_of(headers, "location").filter(|_| status.is_redirection()) {
            let text = format!("{status}, to {place:?}: name the base URL there with --url or OUTSCOUT_OUTSEND_URL");
            return Err(Failed::Other(text.into()));
        }
        let wait = text_of(headers, "retry-after").map(str::to_owned);
        let body = answer.bytes().await.unwrap_or_default();
        let mut text = refusal(status, &body, wait.as_deref());
        if let Some(next) = self.advice(status, &body) {
            text = format!("{}: {next}", text.trim_end_matches('.'));
        }
        Err(if status == StatusCode::NOT_FOUND { Failed::NotFound(text) } else { Failed::Other(text.into()) })
    }

    /// What to do about a refusal that the API's words say nothing of.
    fn advice(&self, status: StatusCode, body: &[u8]) -> Option<String> {
        let url = self.shown();
        if status == StatusCode::UNAUTHORIZED {
            return Some(format!(
                "{url} does not take this key; --key and OUTSCOUT_OUTSEND_KEY name one of Outsend's (osk_…), `outscout status` tells the demo's"
            ));
        }
        let detail = json::parse(body).ok().and_then(|body| body.get("detail")?.as_str().map(str::to_owned));
        // what Outsend says of a path that it does not have, or nothing that Outsend says
        let elsewhere = status == StatusCode::NOT_FOUND && detail.is_none_or(|detail| detail == "Not found.");
        elsewhere.then(|| self.elsewhere())
    }

    /// The base URL without what it may hold of a password.
    fn shown(&self) -> String {
        let url = Url::parse(&self.api.url);
        url.map_or_else(|_| String::new(), |url| format!("{}{}", url.origin().ascii_serialization(), url.path()))
    }

    /// What is said where something else than Outsend answers.
    fn elsewhere(&self) -> String {
        let url = self.shown();
        format!("is {url} the base URL of Outsend? It ends in /api; --url and OUTSCOUT_OUTSEND_URL name it")
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
        json::parse(&answer).map_err(|_| Failed::Other(format!("the answer is no JSON: {}", self.elsewhere()).into()))
    }
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
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
