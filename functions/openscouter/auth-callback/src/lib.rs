//! `GET /api/auth/callback`: the provider's answer (openscouter 7).

mod person;

use serde_json::json;

use shared::{
    http::Response,
    model::{Account, Action, TokenKind},
    names,
    openscouter::{
        self, Endpoint,
        envelope::{Problem, success},
        providers,
        request_context::RequestContext,
        sign_ins::{self, SessionData},
        users::new_account,
    },
    secret::{new_token, sha256_hex},
    store::{ChangeWith, Network, OauthState, Token, UserUpdate},
};

use person::Person;

/// The function.
pub const FUNCTION: Endpoint = openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(callback(cx)));

/// What the browser keeps of a log-in that it began.
fn kept_by_browser(cx: &RequestContext) -> Option<String> {
    cx.request.cookie(providers::cookie_name(cx)).filter(|value| !value.is_empty())
}

async fn callback(cx: &RequestContext) -> Result<Response, Problem> {
    let query = &cx.request.query;
    let unknown = || Problem::bad("state: is invalid or expired");
    let state = query.last("state").ok_or_else(unknown)?;
    let browser = kept_by_browser(cx).ok_or_else(unknown)?;
    let (hash, browser) = (sha256_hex(state.as_bytes()), sha256_hex(browser.as_bytes()));
    let kept = cx.context.store().take_oauth_state(&hash, &browser, cx.now).await?.ok_or_else(unknown)?;
    // the log-in is over, whatever comes of it
    let answer = log_in(cx, &kept, state).await.unwrap_or_else(Problem::answer);
    Ok(answer.header("Set-Cookie", providers::set_cookie(cx, "")))
}

/// What comes of a log-in that this browser began.
async fn log_in(cx: &RequestContext, kept: &OauthState, state: &str) -> Result<Response, Problem> {
    let (query, store) = (&cx.request.query, cx.context.store());
    let provider = providers::provider(cx, &kept.provider);
    let provider = provider.ok_or_else(|| Problem::bad("state: is invalid or expired"))?;
    let refused = || Problem::unauthorized("Invalid credentials");
    let code = query.last("code").filter(|_| query.last("error").is_none()).ok_or_else(refused)?;
    let person = person::ask(cx, provider, code, &providers::verifier(cx, state)?).await?;
    let Some(person) = person.filter(|person| person.verified) else {
        return Err(Problem::forbidden("Email address not verified"));
    };
    let rule = |known| enter(cx, kept, &person, known);
    let entered = store.update_user_of(&person.email, cx.now, &|known| Box::pin(rule(known))).await;
    let (account, data) = entered.map_err(|error| error.or_missing(refused))?;
    match &kept.redirect {
        Some(redirect) => hand_over(cx, redirect, &account).await,
        None => Ok(success(200, &data)),
    }
}

/// Signs a person in: with the account that has the address, or a new one. Gives the account, and the session data
/// where no page gets a one-time token for it.
async fn enter(
    cx: &RequestContext,
    kept: &OauthState,
    person: &Person,
    known: Option<Account>,
) -> Result<UserUpdate<(Account, Option<SessionData>)>, Problem> {
    if known.as_ref().is_some_and(|account| !account.user.active) {
        return Err(Problem::forbidden("Account suspended"));
    }
    let is_new = known.is_none();
    let mut account = match known {
        Some(known) => known,
        None => {
            let role = kept.role.ok_or_else(|| Problem::invalid("role", "is required"))?;
            let name = person.name.clone().filter(|name| !name.is_empty() && names::check(name).is_ok());
            let name = name.unwrap_or_else(|| names::of_local_part(person.email.local_part()));
            new_account(cx, role, person.email.clone(), name.clone(), name).await?
        }
    };
    let changed = !account.user.verified;
    if is_new {
        account.user.verified = true;
    }
    // whoever signed up with an address that was not theirs must not keep a way in
    account.user.confirm_without_password();
    let (with, data) = match &kept.redirect {
        Some(_) => (ChangeWith::default(), None),
        None => {
            let (family, data) = sign_ins::open(cx, &account)?;
            let audit = cx.record(Action::SignIn, Some(&account.user), None, json!({"method": kept.provider}));
            let network = Network::of(&account.user, cx.address(), cx.now);
            (ChangeWith { family: Some(family), audit: Some(audit), network, ..ChangeWith::default() }, Some(data))
        }
    };
    let answer = (account.clone(), data);
    Ok(match (is_new, changed) {
        (true, _) => UserUpdate::create(account, with, answer),
        (false, true) => UserUpdate::change(account.user, with, answer),
        (false, false) => UserUpdate::keep(with, answer),
    })
}

/// Sends the browser back to the page that began, with a one-time token for the session.
async fn hand_over(cx: &RequestContext, redirect: &str, account: &Account) -> Result<Response, Problem> {
    let (plain, hash) = new_token("")?;
    let token = Token::of(&account.user, TokenKind::Callback, hash);
    cx.context.store().issue_token(&token, cx.now).await?;
    Ok(Response::empty(302)
        .header("Location", format!("{redirect}#token={plain}"))
        .header("Referrer-Policy", "no-referrer"))
}
