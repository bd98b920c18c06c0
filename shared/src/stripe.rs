//! Calls of Stripe over HTTPS (openscouter 16): forms out, JSON back. Every call that makes something carries an idempotency
//! key that follows from our ids, so that one that is made again makes nothing twice.

use serde_json::Value;
use url::form_urlencoded::Serializer;

use crate::{
    BoxFuture,
    config::{ExposeSecret as _, StripeSettings},
    http_client, json,
    model::Failure,
};

/// The revision of the interface that the calls are written for.
const VERSION: &str = "2022-11-15";

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum StripeError {
    /// Stripe refused it for what it asks: nothing was made, and asking again changes nothing.
    #[error("refused: {}", .0.code)]
    Refused(Failure),
    /// It is not known what became of it, or it cannot be made now: to be asked again under the same key.
    #[error("{0}")]
    InDoubt(String),
    /// Something broke at Stripe, which answers so again under the same key for a day.
    #[error("{0}")]
    Broken(String),
}

/// What a call says: names and values of a form, nested ones in brackets.
pub type Parameters = Vec<(String, String)>;

/// A call of Stripe.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// What it is about, as in `transfers`.
    pub path: &'a str,
    /// What is said.
    pub parameters: &'a [(String, String)],
    /// Of what is made: the same again for the same thing. `None` only looks.
    pub key: Option<&'a str>,
    /// The account that it is done for, where it is not ours.
    pub account: Option<&'a str>,
}

/// A text member of an answer.
///
/// # Errors
/// When there is none.
pub fn text(answer: &Value, name: &str) -> Result<String, StripeError> {
    let text = answer.get(name).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| StripeError::InDoubt(format!("an answer without {name}")))
}

/// Names and values of a form.
#[must_use]
pub fn parameters(pairs: &[(&str, &str)]) -> Parameters {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// An amount as Stripe counts it: it has hundredths also of the one currency that lost them.
#[must_use]
pub fn amount(minor: u64, currency: &str) -> String {
    if currency == "UGX" { minor.saturating_mul(100) } else { minor }.to_string()
}

fn form(parameters: &[(String, String)]) -> String {
    Serializer::new(String::new()).extend_pairs(parameters).finish()
}

/// Calls Stripe.
///
/// # Errors
/// As [`StripeError`] says.
pub fn call<'a>(settings: &'a StripeSettings, call: Call<'a>) -> BoxFuture<'a, Result<Value, StripeError>> {
    Box::pin(async move {
        let secret =
            settings.key.as_ref().ok_or_else(|| StripeError::InDoubt("Stripe: no key is configured".to_owned()))?;
        let mut headers = vec![
            ("authorization", format!("Bearer {}", secret.expose_secret())),
            ("stripe-version", VERSION.to_owned()),
            ("user-agent", "outscout".to_owned()),
        ];
        let (form, url) = (form(call.parameters), format!("{}/v1/{}", settings.url, call.path));
        let (method, url, body) = match call.key {
            Some(key) => {
                headers.push(("idempotency-key", key.to_owned()));
                headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
                ("POST", url, form)
            }
            None => ("GET", format!("{url}?{form}"), String::new()),
        };
        headers.extend(call.account.map(|account| ("stripe-account", account.to_owned())));
        let sent = http_client::send(method, url, headers, body).await;
        let (status, answer) = sent.map_err(|cause| StripeError::InDoubt(format!("Stripe: {cause}")))?;
        let answer = json::parse(&answer).unwrap_or_default();
        if (200..300).contains(&status) { Ok(answer) } else { Err(refusal(status, &answer)) }
    })
}

/// What an error's answer means. Only what Stripe says of the request itself is a refusal: not that it is busy, that the
/// key is in use or wrong, or that something broke there.
fn refusal(status: u16, answer: &Value) -> StripeError {
    let member = |name: &str| answer.pointer(&format!("/error/{name}")).and_then(Value::as_str).unwrap_or_default();
    let (kind, code) = (member("type"), member("code"));
    let of_request = matches!(status, 400 | 402 | 404) || (status == 403 && code == "account_invalid");
    if of_request && kind != "idempotency_error" {
        let code = if code.is_empty() { kind } else { code };
        return StripeError::Refused(Failure::new(if code.is_empty() { "refused" } else { code }, member("message")));
    }
    let told = format!("Stripe: status {status} {kind} {code}");
    if status >= 500 { StripeError::Broken(told) } else { StripeError::InDoubt(told) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_said_of_the_request_refuses_it() {
        let of = |status: u16, kind: &str, code: &str| match refusal(
            status,
            &json!({"error": {"type": kind, "code": code, "message": "x"}}),
        ) {
            StripeError::Refused(failure) => failure.code,
            StripeError::InDoubt(_) => "?".to_owned(),
            StripeError::Broken(_) => "!".to_owned(),
        };
        assert_eq!(of(400, "invalid_request_error", "balance_insufficient"), "balance_insufficient");
        assert_eq!(of(400, "invalid_request_error", ""), "invalid_request_error");
        assert_eq!(of(404, "", ""), "refused");
        assert_eq!(of(403, "invalid_request_error", "account_invalid"), "account_invalid");
        assert_eq!((of(500, "", ""), of(503, "", "")), ("!".to_owned(), "!".to_owned()));
        for (status, kind) in
            [(400, "idempotency_error"), (401, "invalid_request_error"), (403, ""), (409, ""), (429, "")]
        {
            assert_eq!(of(status, kind, ""), "?", "{status}");
        }
    }

    #[test]
    fn forms_and_amounts() {
        assert_eq!(form(&parameters(&[("metadata[a]", "x y"), ("b", "é&")])), "metadata%5Ba%5D=x+y&b=%C3%A9%26");
        assert_eq!((amount(1_500, "USD"), amount(1_500, "UGX")), ("1500".to_owned(), "150000".to_owned()));
    }
}
