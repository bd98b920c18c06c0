//! Who a provider says is there.

use serde_json::Value;

use shared::{
    config::{ExposeSecret as _, Provider},
    http_client, json,
    model::Email,
    openscouter::{envelope::Problem, oauth::form_encoded, providers::callback_uri, request_context::RequestContext},
};

/// What a provider says of a person.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) email: Email,
    pub(crate) verified: bool,
    pub(crate) name: Option<String>,
}

impl Person {
    /// Reads a user-info answer: OpenID Connect's, GitHub's, or GitHub's list of addresses.
    fn read(body: &Value) -> Option<Self> {
        let entry = match body {
            Value::Array(entries) => entries.iter().find(|entry| entry["primary"] == true)?,
            object => object,
        };
        let said = entry.get("email_verified").or_else(|| entry.get("verified"));
        Some(Self {
            email: Email::parse(entry.get("email")?.as_str()?)?,
            // a provider that does not say shows verified addresses only
            verified: said.is_none_or(|said| *said == true || *said == "true"),
            name: entry.get("name").and_then(Value::as_str).map(|name| name.trim().chars().take(120).collect()),
        })
    }
}

/// Exchanges a code at the provider and asks who it is; `None` when the provider names no address.
pub(crate) async fn ask(
    cx: &RequestContext,
    provider: &Provider,
    code: &str,
    verifier: &str,
) -> Result<Option<Person>, Problem> {
    let fault = |cause: String| Problem::Crash(format!("{}: {cause}", provider.name));
    let body = form_encoded(&[
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &callback_uri(cx)),
        ("client_id", &provider.client_id),
        ("client_secret", provider.client_secret.expose_secret()),
        ("code_verifier", verifier),
    ]);
    let json = ("accept", "application/json".to_owned());
    let agent = ("user-agent", "outscout".to_owned());
    let media = ("content-type", "application/x-www-form-urlencoded".to_owned());
    let headers = vec![json.clone(), agent.clone(), media];
    let (status, answer) = http_client::send("POST", provider.token_url.clone(), headers, body).await.map_err(fault)?;
    if status >= 500 {
        return Err(fault(format!("status {status}")));
    }
    let answer = json::parse(&answer).unwrap_or_default();
    let token = answer.get("access_token").and_then(Value::as_str).filter(|_| status < 300);
    let token = token.ok_or_else(|| Problem::unauthorized("Invalid credentials"))?;
    let headers = vec![json, agent, ("authorization", format!("Bearer {token}"))];
    let sent = http_client::send("GET", provider.user_info_url.clone(), headers, String::new()).await;
    let (status, answer) = sent.map_err(fault)?;
    if status >= 300 {
        return Err(fault(format!("status {status}")));
    }
    Ok(Person::read(&json::parse(&answer).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people() {
        let read = |body: Value| Person::read(&body).map(|person| (person.verified, person.name));
        assert_eq!(
            read(json!({"email": "a@b.test", "email_verified": true, "name": " A "})),
            Some((true, Some("A".into())))
        );
        assert_eq!(read(json!({"email": "a@b.test", "email_verified": "true"})), Some((true, None)));
        assert_eq!(read(json!({"email": "a@b.test", "email_verified": false})), Some((false, None)));
        assert_eq!(read(json!({"email": "a@b.test", "login": "a"})), Some((true, None)));
        let addresses =
            json!([{"email": "x@b.test", "primary": false}, {"email": "a@b.test", "primary": true, "verified": false}]);
        assert_eq!(read(addresses), Some((false, None)));
        for nobody in [json!({}), json!([]), json!({"email": null}), json!({"email": "a"}), Value::Null] {
            assert_eq!(read(nobody), None);
        }
    }
}
