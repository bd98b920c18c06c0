//! Signing in and out: families of refresh tokens, and the access tokens made with them (openscouter 3.2, 3.3, 7).

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::{
    access::{ANY_ROLE, CredentialKind},
    account::user_object,
    claims::{Claims, JWT_SECONDS},
    endpoint::answer,
    envelope::{Problem, success},
    fields::Fields,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    limits::Limits,
    model::{Account, Action, Email, Family, FamilyId, TokenKind},
    password,
    secret::{constant_time_eq, new_handle, read_handle, sha256_hex},
    store::{ChangeWith, CurrentUser, Rule, UserLookup, UserUpdate},
};

/// How long a refresh token works.
const REFRESH_LENGTH: Duration = Duration::days(30);
/// Failed attempts for an address in [`THROTTLE_SECONDS`] after which no more are tried.
const MAX_FAILURES: u32 = 10;
const THROTTLE_SECONDS: u32 = 900;

/// A new sign-in of an account, and its first refresh token.
pub fn new_family(account: &Account, now: OffsetDateTime) -> Result<(Family, String), Problem> {
    let id = FamilyId::at(now);
    let (token, current) = new_handle("osr_", id.as_bytes())?;
    let family = Family {
        id,
        user: account.user.id,
        organization: account.user.organization,
        generation: account.user.generation,
        current,
        created_at: now,
        expires_at: now + REFRESH_LENGTH,
        version: 1,
    };
    Ok((family, token))
}

/// "session data" (openscouter 7).
pub fn session_data(cx: &RequestContext, account: &Account, family: &Family, refresh: &str) -> Result<Value, Problem> {
    let signer = cx.context.settings().openscouter.signer.as_ref();
    let signer = signer.ok_or_else(|| Problem::Crash("no signing key is configured".to_owned()))?;
    let access = signer.sign(&Claims::new(&cx.base(), account, family, cx.now))?;
    Ok(json!({
        "accessToken": access,
        "tokenType": "Bearer",
        "expiresIn": JWT_SECONDS,
        "refreshToken": refresh,
        "refreshExpiresIn": REFRESH_LENGTH.whole_seconds(),
        "user": user_object(account),
    }))
}

/// `POST /api/auth/sign-in`
#[must_use]
pub fn sign_in(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(sign_in_now(cx)))
}

async fn sign_in_now(cx: &RequestContext) -> Result<Response, Problem> {
    cx.anonymous().await?;
    let fields = Fields::read(&cx.request)?;
    let email = fields.text("email", 1, usize::MAX)?;
    let password = fields.secret("password")?;
    let account = check_password(cx, &email, password).await?;
    let account = account.ok_or_else(|| Problem::unauthorized("Invalid email or password"))?;
    if !account.user.verified {
        return Err(Problem::forbidden("Email address not verified"));
    }
    if !account.user.active {
        return Err(Problem::forbidden("Account suspended"));
    }
    let (family, token) = new_family(&account, cx.now)?;
    let data = session_data(cx, &account, &family, &token)?;
    let audit = cx.record(Action::SignIn, Some(&account.user), None, json!({"method": "password"}));
    let with = ChangeWith { family: Some(family), audit: Some(audit), ..ChangeWith::default() };
    cx.context.store().sign_in(with).await?;
    Ok(success(200, &data))
}

/// The account of an address if the password is its; counts the failures for the address (openscouter 7).
pub async fn check_password(cx: &RequestContext, email: &str, password: String) -> Result<Option<Account>, Problem> {
    // what is no address is looked up like one that nobody has
    let email = Email::from_stored(email.trim().to_lowercase());
    let bucket = format!("openscouter/sign-in/{}", sha256_hex(email.as_str().as_bytes()));
    let limits: &Limits = cx.context.limits();
    let verdict = limits.attempt(&bucket, THROTTLE_SECONDS, cx.now).await?.under(MAX_FAILURES);
    if !verdict.passed {
        return Err(Problem::Limited("Too many attempts", verdict.reset_seconds));
    }
    let account = cx.context.store().account_by_email(&email).await?;
    let stored = account.as_ref().and_then(|account| account.user.password.clone());
    let right = password::check(password, stored).await?;
    if right {
        limits.withdraw(&bucket, THROTTLE_SECONDS, cx.now).await?;
    }
    Ok(account.filter(|_| right))
}

/// `POST /api/auth/refresh`
#[must_use]
pub fn refresh(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(refresh_now(cx)))
}

/// The sign-in that a refresh token names, and the token's hash.
fn named_family(token: &str) -> Option<(FamilyId, String)> {
    read_handle("osr_", token).map(|(id, hash)| (FamilyId::from_uuid(uuid::Uuid::from_bytes(id)), hash))
}

fn invalid_refresh() -> Problem {
    Problem::unauthorized("Invalid refresh token")
}

async fn refresh_now(cx: &RequestContext) -> Result<Response, Problem> {
    cx.anonymous().await?;
    let token = Fields::read(&cx.request)?.secret("refreshToken")?;
    let (id, hash) = named_family(&token).ok_or_else(invalid_refresh)?;
    let renewed = cx.context.store().update_family(id, &|family| Box::pin(rotate(cx, &hash, family))).await;
    Ok(success(200, &renewed.map_err(|error| error.or_missing(invalid_refresh))?))
}

/// A sign-in with the next refresh token, and the session data for it.
async fn rotate(cx: &RequestContext, hash: &str, family: Family) -> Result<(Family, Value), Problem> {
    let store = cx.context.store();
    let account = store.account(family.user).await?.ok_or_else(invalid_refresh)?;
    if family.expires_at <= cx.now {
        return Err(invalid_refresh());
    }
    if !constant_time_eq(&family.current, hash) {
        // it was used before: whoever has it, the family ends (openscouter 3.3)
        let audit = cx.record(Action::RefreshReuse, Some(&account.user), None, json!({}));
        store.end_families(&[family], &audit).await?;
        return Err(invalid_refresh());
    }
    if !account.user.active {
        return Err(Problem::forbidden("Account suspended"));
    }
    if family.generation != account.user.generation {
        return Err(invalid_refresh());
    }
    let (token, current) = new_handle("osr_", family.id.as_bytes())?;
    let family = Family { current, expires_at: cx.now + REFRESH_LENGTH, ..family };
    let data = session_data(cx, &account, &family, &token)?;
    Ok((family, data))
}

/// `POST /api/auth/sign-out`
#[must_use]
pub fn sign_out(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(sign_out_now(cx)))
}

async fn sign_out_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(ANY_ROLE).await?;
    let fields = Fields::read(&cx.request)?;
    let named = match fields.optional("refreshToken") {
        None => None,
        Some(_) => match named_family(&fields.secret("refreshToken")?) {
            None => None,
            Some((id, _)) => cx.context.store().family(id).await?,
        },
    };
    let user = &caller.account.user;
    // the access token's own sign-in ends in any case, so that the token is refused from now on
    let mut ended = Vec::new();
    if let CredentialKind::Jwt(family) = &caller.credential {
        ended.push(family.clone());
    }
    if let Some(family) = named
        && family.user == user.id
        && ended.iter().all(|known| known.id != family.id)
    {
        ended.push(family);
    }
    let audit = cx.record(Action::SignOut, Some(user), None, json!({}));
    cx.context.store().end_families(&ended, &audit).await?;
    Ok(success(200, &json!({"signedOut": true})))
}

/// `POST /api/auth/magic-link/verify`
#[must_use]
pub fn magic_link_verify(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(magic_link_verify_now(cx)))
}

async fn magic_link_verify_now(cx: &RequestContext) -> Result<Response, Problem> {
    cx.anonymous().await?;
    let token = Fields::read(&cx.request)?.secret("token")?;
    let kinds = [TokenKind::Magic, TokenKind::Callback];
    let data = redeem(cx, &token, &kinds, &|current| Box::pin(async { open(cx, current) })).await?;
    Ok(success(200, &data))
}

/// Signs a user in with a one-time token.
fn open(cx: &RequestContext, current: CurrentUser) -> Result<UserUpdate<Value>, Problem> {
    let CurrentUser { account, token } = current;
    if !account.user.active {
        return Err(Problem::forbidden("Account suspended"));
    }
    let (family, refresh) = new_family(&account, cx.now)?;
    let data = session_data(cx, &account, &family, &refresh)?;
    let detail = json!({"method": token.map(|token| token.kind.as_str())});
    let audit = cx.record(Action::SignIn, Some(&account.user), None, detail);
    let with = ChangeWith { family: Some(family), audit: Some(audit), ..ChangeWith::default() };
    Ok(UserUpdate::change(account.user, with, data))
}

/// Updates the user of a one-time token of one of these kinds, and uses the token up (openscouter 7).
///
/// # Errors
/// 422 when the token does not work, and what the rule says.
pub async fn redeem<'a, T: Send + 'a>(
    cx: &'a RequestContext,
    token: &str,
    kinds: &'a [TokenKind],
    rule: &'a Rule<'a, CurrentUser, UserUpdate<T>, Problem>,
) -> Result<T, Problem> {
    let lookup = UserLookup::Token { hash: sha256_hex(token.as_bytes()), kinds };
    let updated = cx.context.store().update_user(lookup, cx.now, rule).await;
    updated.map_err(|error| error.or_missing(|| Problem::invalid("token", "is invalid or expired")))
}
