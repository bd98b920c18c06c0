//! Sign-ins: families of refresh tokens, and the access tokens made with them (openscouter 3.2, 3.3, 7).

use serde::Serialize;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    claims::{Claims, JWT_SECONDS},
    envelope::Problem,
    request_context::RequestContext,
    users::UserView,
};
use crate::{
    BoxFuture, attempts,
    model::{Account, Email, Family, FamilyId, RefreshTokens},
    secret::{HandleKey, read_handle, sha256_hex},
};

/// What a refresh token begins with (openscouter 3.3).
pub const REFRESH_PREFIX: &str = "osr_";
/// How long a refresh token works (openscouter 3.3).
pub const REFRESH_LENGTH: Duration = Duration::days(30);

/// "session data" (openscouter 7).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionData {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    refresh_token: String,
    refresh_expires_in: i64,
    user: UserView,
}

/// A new sign-in of an account, which is not stored yet, and the session data of it (openscouter 7).
///
/// # Errors
/// When no signing key is configured.
pub fn open(cx: &RequestContext, account: &Account) -> Result<(Family, SessionData), Problem> {
    let (family, refresh_token) = new_family(account, cx.now)?;
    let data = session_data(cx, account, &family, refresh_token)?;
    Ok((family, data))
}

/// A new sign-in of an account, and its first refresh token.
fn new_family(account: &Account, now: OffsetDateTime) -> Result<(Family, String), Problem> {
    let id = FamilyId::at(now);
    let mark = HandleKey::generate()?;
    let (token, current) = mark.new_handle(REFRESH_PREFIX, id.as_bytes())?;
    let family = Family {
        id,
        user: account.user.id,
        organization: account.user.organization,
        generation: account.user.generation,
        refresh: RefreshTokens::first(current),
        mark: Some(mark),
        created_at: now,
        expires_at: now + REFRESH_LENGTH,
        version: 1,
    };
    Ok((family, token))
}

/// The session data of a sign-in with its current refresh token, and an access token made for it (openscouter 7).
///
/// # Errors
/// When no signing key is configured.
pub fn session_data(
    cx: &RequestContext,
    account: &Account,
    family: &Family,
    refresh_token: String,
) -> Result<SessionData, Problem> {
    let signer = cx.context.settings().openscouter.signer.as_ref();
    let signer = signer.ok_or_else(|| Problem::Crash("no signing key is configured".to_owned()))?;
    let access_token = signer.sign(&Claims::new(&cx.base(), account, family, cx.now))?;
    Ok(SessionData {
        access_token,
        token_type: "Bearer",
        expires_in: JWT_SECONDS,
        refresh_token,
        refresh_expires_in: REFRESH_LENGTH.whole_seconds(),
        user: UserView::of(account),
    })
}

/// Whether a refresh token is or was one of a sign-in's. Anybody can make up one that names it: the sign-in's id stands
/// in every access token.
#[must_use]
pub fn was_issued(family: &Family, token: &str) -> bool {
    family.refresh.works(&sha256_hex(token.as_bytes()))
        || family.mark.as_ref().is_some_and(|mark| mark.made(REFRESH_PREFIX, token))
}

/// The sign-in that a refresh token names, and the token's hash (openscouter 3.3).
#[must_use]
pub fn read_refresh_token(token: &str) -> Option<(FamilyId, String)> {
    read_handle(REFRESH_PREFIX, token).map(|(id, hash)| (FamilyId::from_uuid(Uuid::from_bytes(id)), hash))
}

/// The account of an address if the password is its; failures are counted (openscouter 7).
///
/// # Errors
/// 429 after too many failures, and when the store fails.
pub fn check_password<'a>(
    cx: &'a RequestContext,
    email: &'a str,
    password: String,
) -> BoxFuture<'a, Result<Option<Account>, Problem>> {
    Box::pin(async move { Ok(attempts::sign_in(&cx.context, cx.attempt(), &Email::typed(email), password).await?) })
}
