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
    store::{ChangeWith, Rotation, Token},
};

/// How long a refresh token works.
const REFRESH_LENGTH: Duration = Duration::days(30);
/// Failed attempts for an address in [`THROTTLE_SECONDS`] after which no more are tried.
const MAX_FAILURES: u32 = 10;
const THROTTLE_SECONDS: u32 = 900;
/// Attempts of a change that somebody else's change got in the way of.
const MAX_ATTEMPTS: u32 = 5;

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
    let with = ChangeWith { family: Some(&family), audit: Some(&audit), ..ChangeWith::default() };
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

/// The sign-in that a refresh token belongs to, if it has not ended, and the token's hash.
async fn family_of(cx: &RequestContext, token: &str) -> Result<Option<(Family, String)>, Problem> {
    let Some((id, hash)) = read_handle("osr_", token) else { return Ok(None) };
    let family = cx.context.store().family(FamilyId::from_uuid(uuid::Uuid::from_bytes(id))).await?;
    Ok(family.map(|family| (family, hash)))
}

async fn refresh_now(cx: &RequestContext) -> Result<Response, Problem> {
    cx.anonymous().await?;
    let token = Fields::read(&cx.request)?.secret("refreshToken")?;
    let invalid = || Problem::unauthorized("Invalid refresh token");
    let store = cx.context.store();
    for _ in 0..MAX_ATTEMPTS {
        let (family, hash) = family_of(cx, &token).await?.ok_or_else(invalid)?;
        let account = store.account(family.user).await?.ok_or_else(invalid)?;
        if family.expires_at <= cx.now {
            return Err(invalid());
        }
        if !constant_time_eq(&family.current, &hash) {
            // it was used before: whoever has it, the family ends (openscouter 3.3)
            let audit = cx.record(Action::RefreshReuse, Some(&account.user), None, json!({}));
            store.end_families(&[family], &audit).await?;
            return Err(invalid());
        }
        if !account.user.active {
            return Err(Problem::forbidden("Account suspended"));
        }
        if family.generation != account.user.generation {
            return Err(invalid());
        }
        let (next, current) = new_handle("osr_", family.id.as_bytes())?;
        let family = Family { current, expires_at: cx.now + REFRESH_LENGTH, ..family };
        let data = session_data(cx, &account, &family, &next)?;
        if store.rotate_family(&family).await? == Rotation::Done {
            return Ok(success(200, &data));
        }
    }
    Err(Problem::Crash("the sign-in kept changing".to_owned()))
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
        Some(_) => family_of(cx, &fields.secret("refreshToken")?).await?,
    };
    let user = &caller.account.user;
    // the access token's own sign-in ends in any case, so that the token is refused from now on
    let mut ended = Vec::new();
    if let CredentialKind::Jwt(family) = &caller.credential {
        ended.push(family.clone());
    }
    if let Some((family, _)) = named
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
    let plain = Fields::read(&cx.request)?.secret("token")?;
    for _ in 0..MAX_ATTEMPTS {
        let (account, token) = redeemable(cx, &plain, &[TokenKind::Magic, TokenKind::Callback]).await?;
        if !account.user.active {
            return Err(Problem::forbidden("Account suspended"));
        }
        let (family, refresh) = new_family(&account, cx.now)?;
        let data = session_data(cx, &account, &family, &refresh)?;
        let detail = json!({"method": token.kind.as_str()});
        let audit = cx.record(Action::SignIn, Some(&account.user), None, detail);
        let with =
            ChangeWith { family: Some(&family), audit: Some(&audit), token: Some(&token), ..ChangeWith::default() };
        if cx.context.store().change_user(&account.user, with).await? {
            return Ok(success(200, &data));
        }
    }
    Err(Problem::Crash("the account kept changing".to_owned()))
}

/// The account of a one-time token of one of these kinds, and the token.
pub async fn redeemable(cx: &RequestContext, plain: &str, kinds: &[TokenKind]) -> Result<(Account, Token), Problem> {
    let store = cx.context.store();
    let hash = sha256_hex(plain.as_bytes());
    for kind in kinds {
        if let Some(token) = store.token(&hash, *kind, cx.now).await?
            && let Some(account) = store.account_by_email(&token.email).await?
            && account.user.id == token.user
        {
            return Ok((account, token));
        }
    }
    Err(Problem::invalid("token", "is invalid or expired"))
}
