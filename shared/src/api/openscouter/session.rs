//! Signing in and out: families of refresh tokens, and the access tokens made with them (openscouter 3.2, 3.3, 7).

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::{
    account::user_object,
    auth::{ANY_ROLE, Claims, JWT_SECONDS, Used},
    call::{Call, answer},
    envelope::{Problem, success},
    fields::Fields,
};
use crate::{
    api::{Answer, ApiRequest},
    context::Context,
    limits::Limits,
    model::{Account, Action, Email, Family, FamilyId, TokenKind},
    password,
    secret::{new_handle, read_handle, same, sha256_hex},
    serve::BoxFuture,
    store::{ChangeWith, Rotation, Token},
};

/// How long a refresh token works.
const REFRESH_LENGTH: Duration = Duration::days(30);
/// Failed attempts for an address in [`THROTTLE_SECONDS`] after which no more are tried.
const MOST_FAILURES: u32 = 10;
const THROTTLE_SECONDS: u32 = 900;
/// Attempts of a change that somebody else's change got in the way of.
const MOST_ATTEMPTS: u32 = 5;

/// A new sign-in of an account, and its first refresh token.
pub(super) fn new_family(account: &Account, now: OffsetDateTime) -> Result<(Family, String), Problem> {
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
pub(super) fn session_data(call: &Call, account: &Account, family: &Family, refresh: &str) -> Result<Value, Problem> {
    let signer = call.context.settings().openscouter.signer.as_ref();
    let signer = signer.ok_or_else(|| Problem::Crash("no signing key is configured".to_owned()))?;
    let access = signer.sign(&Claims::new(&call.base(), account, family, call.now))?;
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
pub fn sign_in(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(sign_in_now(call)))
}

async fn sign_in_now(call: &Call) -> Result<Answer, Problem> {
    call.anonymous().await?;
    let fields = Fields::read(&call.request)?;
    let email = fields.text("email", 1, usize::MAX)?;
    let password = fields.secret("password")?;
    let account = check_password(call, &email, password).await?;
    let account = account.ok_or_else(|| Problem::unauthorized("Invalid email or password"))?;
    if !account.user.verified {
        return Err(Problem::forbidden("Email address not verified"));
    }
    if !account.user.active {
        return Err(Problem::forbidden("Account suspended"));
    }
    let (family, token) = new_family(&account, call.now)?;
    let data = session_data(call, &account, &family, &token)?;
    let audit = call.record(Action::SignIn, Some(&account.user), None, json!({"method": "password"}));
    let with = ChangeWith { family: Some(&family), audit: Some(&audit), ..ChangeWith::default() };
    call.context.store().sign_in(with).await?;
    Ok(success(200, &data))
}

/// The account of an address if the password is its; counts the failures for the address (openscouter 7).
pub(super) async fn check_password(call: &Call, email: &str, password: String) -> Result<Option<Account>, Problem> {
    // what is no address is looked up like one that nobody has
    let email = Email::from_stored(email.trim().to_lowercase());
    let bucket = format!("openscouter/sign-in/{}", sha256_hex(email.as_str().as_bytes()));
    let limits: &Limits = call.context.limits();
    let verdict = limits.attempt(&bucket, THROTTLE_SECONDS, call.now).await?.under(MOST_FAILURES);
    if !verdict.passed {
        return Err(Problem::Limited("Too many attempts", verdict.reset_seconds));
    }
    let account = call.context.store().account_by_email(&email).await?;
    let stored = account.as_ref().and_then(|account| account.user.password.clone());
    let right = password::check(password, stored).await?;
    if right {
        limits.withdraw(&bucket, THROTTLE_SECONDS, call.now).await?;
    }
    Ok(account.filter(|_| right))
}

/// `POST /api/auth/refresh`
#[must_use]
pub fn refresh(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(refresh_now(call)))
}

/// The sign-in that a refresh token belongs to, if it has not ended, and the token's hash.
async fn family_of(call: &Call, token: &str) -> Result<Option<(Family, String)>, Problem> {
    let Some((id, hash)) = read_handle("osr_", token) else { return Ok(None) };
    let family = call.context.store().family(FamilyId::from_uuid(uuid::Uuid::from_bytes(id))).await?;
    Ok(family.map(|family| (family, hash)))
}

async fn refresh_now(call: &Call) -> Result<Answer, Problem> {
    call.anonymous().await?;
    let token = Fields::read(&call.request)?.secret("refreshToken")?;
    let invalid = || Problem::unauthorized("Invalid refresh token");
    let store = call.context.store();
    for _ in 0..MOST_ATTEMPTS {
        let (family, hash) = family_of(call, &token).await?.ok_or_else(invalid)?;
        let account = store.account(family.user).await?.ok_or_else(invalid)?;
        if family.expires_at <= call.now {
            return Err(invalid());
        }
        if !same(&family.current, &hash) {
            // it was used before: whoever has it, the family ends (openscouter 3.3)
            let audit = call.record(Action::RefreshReuse, Some(&account.user), None, json!({}));
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
        let family = Family { current, expires_at: call.now + REFRESH_LENGTH, ..family };
        let data = session_data(call, &account, &family, &next)?;
        if store.rotate_family(&family).await? == Rotation::Done {
            return Ok(success(200, &data));
        }
    }
    Err(Problem::Crash("the sign-in kept changing".to_owned()))
}

/// `POST /api/auth/sign-out`
#[must_use]
pub fn sign_out(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(sign_out_now(call)))
}

async fn sign_out_now(call: &Call) -> Result<Answer, Problem> {
    let caller = call.caller(ANY_ROLE).await?;
    let fields = Fields::read(&call.request)?;
    let named = match fields.optional("refreshToken") {
        None => None,
        Some(_) => family_of(call, &fields.secret("refreshToken")?).await?,
    };
    let user = &caller.account.user;
    // the access token's own sign-in ends in any case, so that the token is refused from now on
    let mut ended = Vec::new();
    if let Used::Jwt(family) = &caller.used {
        ended.push(family.clone());
    }
    if let Some((family, _)) = named
        && family.user == user.id
        && ended.iter().all(|known| known.id != family.id)
    {
        ended.push(family);
    }
    let audit = call.record(Action::SignOut, Some(user), None, json!({}));
    call.context.store().end_families(&ended, &audit).await?;
    Ok(success(200, &json!({"signedOut": true})))
}

/// `POST /api/auth/magic-link/verify`
#[must_use]
pub fn magic_link_verify(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(magic_link_verify_now(call)))
}

async fn magic_link_verify_now(call: &Call) -> Result<Answer, Problem> {
    call.anonymous().await?;
    let plain = Fields::read(&call.request)?.secret("token")?;
    for _ in 0..MOST_ATTEMPTS {
        let (account, token) = redeemable(call, &plain, &[TokenKind::Magic, TokenKind::Callback]).await?;
        if !account.user.active {
            return Err(Problem::forbidden("Account suspended"));
        }
        let (family, refresh) = new_family(&account, call.now)?;
        let data = session_data(call, &account, &family, &refresh)?;
        let detail = json!({"method": token.kind.as_str()});
        let audit = call.record(Action::SignIn, Some(&account.user), None, detail);
        let with =
            ChangeWith { family: Some(&family), audit: Some(&audit), token: Some(&token), ..ChangeWith::default() };
        if call.context.store().change_user(&account.user, with).await? {
            return Ok(success(200, &data));
        }
    }
    Err(Problem::Crash("the account kept changing".to_owned()))
}

/// The account of a one-time token of one of these kinds, and the token.
pub(super) async fn redeemable(call: &Call, plain: &str, kinds: &[TokenKind]) -> Result<(Account, Token), Problem> {
    let store = call.context.store();
    let hash = sha256_hex(plain.as_bytes());
    for kind in kinds {
        if let Some(token) = store.token(&hash, *kind, call.now).await?
            && let Some(account) = store.account_by_email(&token.email).await?
            && account.user.id == token.user
        {
            return Ok((account, token));
        }
    }
    Err(Problem::invalid("token", "is invalid or expired"))
}
