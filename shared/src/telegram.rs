//! Calls of Telegram's Bot API over HTTPS (openscouter 15): JSON out, JSON back. The bot's token stands in the URL of every
//! call; what is told of a failure never has it.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    BoxFuture,
    config::{ExposeSecret as _, TelegramSettings},
    http_client, json,
};

/// How long a call may take: a request may make two, one after the other.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// What is waited when Telegram does not say how long, in seconds.
const SOME_TIME: u32 = 1;

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TelegramError {
    /// Who has the chat lets the bot say nothing, or is gone.
    #[error("Telegram: the chat is closed to the bot")]
    Closed,
    /// Too much was sent: to be tried again after so many seconds.
    #[error("Telegram: to be tried again after {0} s")]
    Throttled(u32),
    /// Telegram refused the call for what it says: asking again changes nothing.
    #[error("Telegram: refused with {0}")]
    Refused(u16),
    /// It is not known what became of it, or it cannot be made now.
    #[error("{0}")]
    InDoubt(String),
}

/// A button below a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Button {
    /// What it says.
    pub text: String,
    /// What comes back when it is pressed: 1 to 64 bytes.
    pub callback_data: String,
}

/// Sends a text to a chat, as it stands, with a row of buttons below it; the message's id.
///
/// # Errors
/// As [`TelegramError`] says.
pub fn send_message<'a>(
    settings: &'a TelegramSettings,
    chat: i64,
    text: &'a str,
    buttons: &'a [Button],
) -> BoxFuture<'a, Result<i64, TelegramError>> {
    let mut said = json!({"chat_id": chat, "text": text, "link_preview_options": {"is_disabled": true}});
    if !buttons.is_empty() {
        said["reply_markup"] = json!({"inline_keyboard": [buttons]});
    }
    Box::pin(async move {
        let sent = call(settings, "sendMessage", said).await?;
        let id = sent.get("message_id").and_then(Value::as_i64);
        id.ok_or_else(|| TelegramError::InDoubt("Telegram: a message without an id".to_owned()))
    })
}

/// Calls a method; its result.
///
/// # Errors
/// As [`TelegramError`] says.
pub fn call<'a>(
    settings: &'a TelegramSettings,
    method: &'a str,
    said: Value,
) -> BoxFuture<'a, Result<Value, TelegramError>> {
    Box::pin(ask(settings, method, said))
}

async fn ask(settings: &TelegramSettings, method: &str, said: Value) -> Result<Value, TelegramError> {
    let token = settings.token.as_ref().map(|token| token.expose_secret());
    let token = token.ok_or_else(|| TelegramError::InDoubt("Telegram: no bot is configured".to_owned()))?;
    let url = format!("{}/bot{token}/{method}", settings.url);
    let headers = vec![("content-type", "application/json".to_owned()), ("user-agent", "outscout".to_owned())];
    let sent = http_client::send("POST", url, headers, said.to_string());
    let in_doubt = |cause: &str| TelegramError::InDoubt(format!("Telegram: {}", cause.replace(token, "…")));
    let sent = tokio::time::timeout(TIME_LIMIT, sent).await.map_err(|_| in_doubt("no answer in time"))?;
    let (status, answer) = sent.map_err(|cause| in_doubt(&cause))?;
    let mut answer = json::parse(&answer).unwrap_or_default();
    if (200..300).contains(&status) && answer.get("ok") == Some(&Value::Bool(true)) {
        return Ok(answer.get_mut("result").map(Value::take).unwrap_or_default());
    }
    Err(refusal(status, &answer))
}

/// What an error's answer means. Its words are not kept: they may be about a person.
fn refusal(status: u16, answer: &Value) -> TelegramError {
    match status {
        403 => TelegramError::Closed,
        429 => {
            let wait = answer.pointer("/parameters/retry_after").and_then(Value::as_u64);
            TelegramError::Throttled(wait.and_then(|wait| u32::try_from(wait).ok()).unwrap_or(SOME_TIME))
        }
        400 => TelegramError::Refused(status),
        // a wrong token is a fault of ours, which somebody mends
        _ => TelegramError::InDoubt(format!("Telegram: status {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> TelegramSettings {
        TelegramSettings {
            url: url.to_owned(),
            token: Some("123:of-ours".to_owned().into()),
            bot: None,
            webhook_secret: None,
        }
    }

    #[test]
    fn what_refusals_mean() {
        assert_eq!(refusal(403, &json!({"description": "Forbidden: bot was blocked"})), TelegramError::Closed);
        assert_eq!(refusal(429, &json!({"parameters": {"retry_after": 7}})), TelegramError::Throttled(7));
        assert_eq!(refusal(429, &Value::Null), TelegramError::Throttled(1));
        assert_eq!(refusal(400, &json!({"description": "of a person"})), TelegramError::Refused(400));
        assert!(matches!(refusal(401, &Value::Null), TelegramError::InDoubt(_)));
        assert!(matches!(refusal(502, &Value::Null), TelegramError::InDoubt(_)));
    }

    #[tokio::test]
    async fn no_error_tells_the_token() {
        // nobody listens, no URL at all, no host of that name
        for url in ["http://127.0.0.1:1", "http://a b", "nowhere://x", "https://127.0.0.1:1"] {
            let settings = settings(url);
            let error = send_message(&settings, 1, "x", &[]).await.unwrap_err();
            let told = format!("{error} {error:?} {settings:?}");
            assert!(!told.contains("of-ours"), "{told}");
        }
        let closed = TelegramSettings { token: None, ..settings("http://127.0.0.1:1") };
        let error = send_message(&closed, 1, "x", &[]).await.unwrap_err();
        assert_eq!(error.to_string(), "Telegram: no bot is configured");
    }
}
