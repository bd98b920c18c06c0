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
    /// Reads a user-info answer: OpenID Connect's, or GitHub's list of addresses, of which the primary one counts. An
    /// address is verified when the provider says so, and not when it says nothing.
    fn read(body: &Value) -> Option<Self> {
        let entry = match body {
            Value::Array(entries) => entries.iter().find(|entry| entry["primary"] == true)?,
            object => object,
        };
        let said = entry.get("email_verified").or_else(|| entry.get("verified"));
        Some(Self {
            email: Email::parse(entry.get("email")?.as_str()?)?,
            verified: said.is_some_and(|said| *said == true || *said == "true"),
            name: name_of(entry),
        })
    }
}

fn name_of(person: &Value) -> Option<String> {
    person.get("name").and_then(Value::as_str).map(|name| name.trim().chars().take(120).collect())
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
    let url = provider.user_info_url.clone();
    let Some(said) = look(url, headers.clone()).await.map_err(fault)? else { return Ok(None) };
    // the address of a profile is whatever its owner wrote: which ones are verified, GitHub says apart
    if provider.name == "github" && said.is_object() {
        let url = format!("{}/emails", provider.user_info_url.trim_end_matches('/'));
        let Some(list @ Value::Array(_)) = look(url, headers).await.map_err(fault)? else { return Ok(None) };
        return Ok(Person::read(&list).map(|person| Person { name: name_of(&said), ..person }));
    }
    Ok(Person::read(&said))
}

/// What a provider says at an address; `None` when it refuses.
async fn look(url: String, headers: Vec<(&'static str, String)>) -> Result<Option<Value>, String> {
    let (status, answer) = http_client::send("GET", url, headers, String::new()).await?;
    match status {
        200..300 => Ok(Some(json::parse(&answer).unwrap_or_default())),
        300..500 => Ok(None),
        _ => Err(format!("status {status}")),
    }
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
        assert_eq!(read(json!({"email": "a@b.test", "login": "a"})), Some((false, None)), "nothing is said");
        let addresses =
            json!([{"email": "x@b.test", "primary": false}, {"email": "a@b.test", "primary": true, "verified": false}]);
        assert_eq!(read(addresses), Some((false, None)));
        for nobody in [json!({}), json!([]), json!({"email": null}), json!({"email": "a"}), Value::Null] {
            assert_eq!(read(nobody), None);
        }
    }
}
