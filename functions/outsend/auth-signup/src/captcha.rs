//! The captcha of a sign-up (outsend 6.3).

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use shared::{
    config::{Captcha, ExposeSecret as _},
    http_client,
    outsend::{envelope::Problem, messages::Detail, request_context::RequestContext},
};

/// Most characters of an answer.
pub(crate) const MAX_LENGTH: usize = 8_192;

/// What the provider says of an answer.
#[derive(Default, Deserialize)]
struct Verdict {
    #[serde(default)]
    success: bool,
}

/// Asks the captcha's provider about an answer; none, or an empty one, is wrong.
pub(crate) async fn check(cx: &RequestContext, provider: &Captcha, answer: Option<&str>) -> Result<(), Problem> {
    let answer = answer.filter(|answer| !answer.is_empty()).ok_or(Detail::Captcha)?;
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let remote = encode(&cx.request.source_ip);
    let body =
        format!("secret={}&response={}&remoteip={remote}", encode(provider.secret.expose_secret()), encode(answer));
    let media = ("content-type", "application/x-www-form-urlencoded".to_owned());
    let sent = http_client::send("POST", provider.url.clone(), vec![media], body).await;
    let Ok((200..=499, answer)) = sent else { return Err(Detail::Upstream.into()) };
    // what cannot be read is no success
    let verdict: Verdict = serde_json::from_slice(&answer).unwrap_or_default();
    if verdict.success { Ok(()) } else { Err(Detail::Captcha.into()) }
}
