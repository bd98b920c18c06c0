//! Log-in through another provider (openscouter 7): the code flow with PKCE, as its client.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    account::new_account,
    endpoint::answer,
    envelope::{Problem, success},
    format::is_allowed_origin,
    request_context::RequestContext,
    session::{new_family, session_data},
};
use crate::{
    BoxFuture,
    config::{ExposeSecret as _, Provider},
    context::Context,
    http::{Request, Response},
    http_client,
    model::{Account, Action, Email, Role, TokenKind},
    secret::{new_token, sha256_hex},
    store::{ChangeWith, OauthState, SignUp, Token},
};

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The providers that there can be.
const NAMES: [&str; 2] = ["google", "github"];
/// Attempts of a change that somebody else's change got in the way of.
const MAX_ATTEMPTS: u32 = 5;
/// Most characters of a URL (openscouter 2.1).
const MAX_URL: usize = 2_048;

fn form(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<_> =
        pairs.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, UNRESERVED))).collect();
    pairs.join("&")
}

fn callback(cx: &RequestContext) -> String {
    format!("{}/api/auth/callback", cx.base())
}

/// The PKCE verifier of a state: whoever sees the state cannot make it, and it need not be kept.
fn verifier(cx: &RequestContext, state: &str) -> Result<String, Problem> {
    let signer = cx.context.settings().openscouter.signer.as_ref();
    let signer = signer.ok_or_else(|| Problem::Crash("no signing key is configured".to_owned()))?;
    Ok(URL_SAFE_NO_PAD.encode(signer.derive(&format!("pkce {state}"))))
}

fn provider<'a>(cx: &'a RequestContext, name: &str) -> Option<&'a Provider> {
    cx.context.settings().openscouter.providers.iter().find(|known| known.name == name && NAMES.contains(&name))
}

/// `GET /api/auth/oauth/:provider/start`
#[must_use]
pub fn provider_start(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(start_now(cx)))
}

async fn start_now(cx: &RequestContext) -> Result<Response, Problem> {
    cx.anonymous().await?;
    let name = cx.request.path.rsplit('/').nth(1).unwrap_or_default();
    let provider = provider(cx, name).ok_or_else(|| Problem::not_found("Provider"))?;
    let query = &cx.request.query;
    let role = match query.last("role") {
        None => None,
        Some(text) => {
            let role = Role::parse(text).filter(|role| *role != Role::Admin);
            Some(role.ok_or_else(|| Problem::invalid("role", "must be one of: business, tester"))?)
        }
    };
    let redirect = query.last("redirect").map(|text| check_redirect(cx, text)).transpose()?;
    let (state, hash) = new_token("")?;
    let verifier = verifier(cx, &state)?;
    let kept = OauthState { hash, provider: provider.name.clone(), role, redirect };
    cx.context.store().keep_log_in(&kept, cx.now).await?;
    let scope = if provider.name == "github" { "read:user user:email" } else { "openid email profile" };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let query = form(&[
        ("response_type", "code"),
        ("client_id", &provider.client_id),
        ("redirect_uri", &callback(cx)),
        ("scope", scope),
        ("state", &state),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    let joint = if provider.authorize_url.contains('?') { '&' } else { '?' };
    Ok(Response::empty(302).header("Location", format!("{}{joint}{query}", provider.authorize_url)))
}

/// An address to come back to: one of a page that may call (openscouter 2.9).
fn check_redirect(cx: &RequestContext, text: &str) -> Result<String, Problem> {
    let settings = &cx.context.settings().openscouter;
    let refused = |reason: &str| Problem::invalid("redirect", reason);
    let parsed = text.parse::<http::Uri>().map_err(|_| refused("must be an http or https URL"))?;
    let (Some(scheme), Some(authority)) = (parsed.scheme_str(), parsed.authority()) else {
        return Err(refused("must be an http or https URL"));
    };
    if authority.as_str().contains('@') {
        return Err(refused("must not contain credentials"));
    }
    let origin = format!("{scheme}://{authority}");
    if !is_allowed_origin(&origin, &settings.cors_base_domain, settings.production) {
        return Err(refused("must be an address of an allowed origin"));
    }
    if text.len() > MAX_URL || text.contains('#') || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(refused("must be an http or https URL"));
    }
    Ok(text.to_owned())
}

/// `GET /api/auth/callback`
#[must_use]
pub fn provider_callback(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(callback_now(cx)))
}

/// What a provider says of a person.
#[derive(Debug, PartialEq, Eq)]
struct Person {
    email: Email,
    verified: bool,
    name: Option<String>,
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

async fn callback_now(cx: &RequestContext) -> Result<Response, Problem> {
    cx.anonymous().await?;
    let query = &cx.request.query;
    let unknown = || Problem::bad("state: is invalid or expired");
    let state = query.last("state").ok_or_else(unknown)?;
    let store = cx.context.store();
    let kept = store.take_log_in(&sha256_hex(state.as_bytes()), cx.now).await?.ok_or_else(unknown)?;
    let provider = provider(cx, &kept.provider).ok_or_else(unknown)?;
    let refused = || Problem::unauthorized("Invalid credentials");
    let code = query.last("code").filter(|_| query.last("error").is_none()).ok_or_else(refused)?;
    let person = ask(cx, provider, code, &verifier(cx, state)?).await?;
    let Some(person) = person.filter(|person| person.verified) else {
        return Err(Problem::forbidden("Email address not verified"));
    };
    for _ in 0..MAX_ATTEMPTS {
        let known = store.account_by_email(&person.email).await?;
        if known.as_ref().is_some_and(|account| !account.user.active) {
            return Err(Problem::forbidden("Account suspended"));
        }
        let is_new = known.is_none();
        let mut account = match known {
            Some(known) => known,
            None => {
                let role = kept.role.ok_or_else(|| Problem::invalid("role", "is required"))?;
                let name = person.name.clone().filter(|name| !name.is_empty());
                let name = name.unwrap_or_else(|| person.email.local_part().to_owned());
                new_account(cx, role, person.email.clone(), name.clone(), name).await?
            }
        };
        let changed = !account.user.verified;
        if changed && !is_new {
            // whoever signed up with an address that was not theirs must not keep a way in
            account.user.password = None;
            account.user.generation += 1;
        }
        account.user.verified = true;
        if let Some(answer) = finish(cx, &kept, &account, (is_new, changed)).await? {
            return Ok(answer);
        }
    }
    Err(Problem::Crash("the account kept changing".to_owned()))
}

/// Writes what a log-in changes and answers; `None` when somebody else's change got in the way.
async fn finish(
    cx: &RequestContext,
    kept: &OauthState,
    account: &Account,
    (is_new, changed): (bool, bool),
) -> Result<Option<Response>, Problem> {
    let store = cx.context.store();
    let user = &account.user;
    let write = async |with: ChangeWith<'_>| {
        if is_new {
            return Ok::<_, Problem>(store.sign_up(user, &account.organization, with).await? == SignUp::Created);
        }
        if changed {
            return Ok(store.change_user(user, with).await?);
        }
        store.sign_in(with).await?;
        Ok(true)
    };
    let Some(redirect) = &kept.redirect else {
        let (family, refresh) = new_family(account, cx.now)?;
        let data = session_data(cx, account, &family, &refresh)?;
        let audit = cx.record(Action::SignIn, Some(user), None, json!({"method": kept.provider}));
        let with = ChangeWith { family: Some(&family), audit: Some(&audit), ..ChangeWith::default() };
        return Ok(write(with).await?.then(|| success(200, &data)));
    };
    if (is_new || changed) && !write(ChangeWith::default()).await? {
        return Ok(None);
    }
    let (plain, hash) = new_token("")?;
    let token = Token { hash, kind: TokenKind::Callback, user: user.id, email: user.email.clone() };
    store.issue_token(&token, cx.now).await?;
    Ok(Some(
        Response::empty(302)
            .header("Location", format!("{redirect}#token={plain}"))
            .header("Referrer-Policy", "no-referrer"),
    ))
}

/// Exchanges a code at the provider and asks who it is; `None` when the provider names no address.
async fn ask(cx: &RequestContext, provider: &Provider, code: &str, verifier: &str) -> Result<Option<Person>, Problem> {
    let fault = |cause: String| Problem::Crash(format!("{}: {cause}", provider.name));
    let body = form(&[
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &callback(cx)),
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
    let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
    let token = answer.get("access_token").and_then(Value::as_str).filter(|_| status < 300);
    let token = token.ok_or_else(|| Problem::unauthorized("Invalid credentials"))?;
    let headers = vec![json, agent, ("authorization", format!("Bearer {token}"))];
    let sent = http_client::send("GET", provider.user_info_url.clone(), headers, String::new()).await;
    let (status, answer) = sent.map_err(fault)?;
    if status >= 300 {
        return Err(fault(format!("status {status}")));
    }
    Ok(Person::read(&serde_json::from_slice(&answer).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
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
