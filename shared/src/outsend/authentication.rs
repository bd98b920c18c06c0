//! Who is calling: credential, access and the rate policy (outsend 4, 5).

use super::{
    access::{Access, Caller},
    envelope::Problem,
    limits::{ANONYMOUS, TIER_SECONDS, tier},
    messages::Detail,
    request_context::{COOKIE, RequestContext, SESSION_LENGTH},
};
use crate::{
    BoxFuture,
    http::Request,
    limits::{self, Attempt},
    model::{OrganizationId, Owner, Session, UserId, UserKey},
    secret::sha256_hex,
    store::{Credential, Principal},
};

/// A session is moved when it has less than this left (outsend 4.1).
const SLIDE_BELOW: time::Duration = time::Duration::days(6);

/// The text of 43 base64url characters that carry 256 bits.
fn is_token(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The hash of a session cookie's value; `None` when it has not the form of one.
#[must_use]
pub fn session_hash(value: &str) -> Option<String> {
    is_token(value).then(|| sha256_hex(value.as_bytes()))
}

/// The user behind the request's credential, if this process has met it; still to be proved.
#[must_use]
pub fn known_user(cx: &RequestContext) -> Option<UserId> {
    cx.context.store().known_owner(PresentedCredential::read(&cx.request)?.credential()).map(|(user, _)| user)
}

/// A credential that was sent; the key alone decides when there is one (outsend 4.3).
pub enum PresentedCredential {
    /// A session's cookie.
    Session {
        /// Hash of the cookie's value.
        hash: String,
        /// The value.
        value: String,
    },
    /// The hash of an API key.
    Key(String),
}

impl PresentedCredential {
    /// The credential of a request, if it has one of the right form.
    #[must_use]
    pub fn read(request: &Request) -> Option<Self> {
        if let Some(key) = request.header("x-api-key") {
            return is_token(key.strip_prefix("osk_")?).then(|| Self::Key(sha256_hex(key.as_bytes())));
        }
        let value = request.cookie(COOKIE)?;
        Some(Self::Session { hash: session_hash(&value)?, value })
    }

    /// What the store looks it up by.
    #[must_use]
    pub fn credential(&self) -> Credential<'_> {
        match self {
            Self::Session { hash, .. } => Credential::Session(hash),
            Self::Key(hash) => Credential::Key(hash),
        }
    }
}

/// Steps 3 to 6: finds out who calls, and whether they may. In a process that has seen the credential before, the
/// account's read and the counter's increment go out together.
///
/// # Errors
/// 401, 403 or 429, as the first step says that fails; when the store fails.
pub fn caller(cx: &RequestContext, access: Access) -> BoxFuture<'_, Result<Caller, Problem>> {
    Box::pin(authenticate(cx, access))
}

async fn authenticate(cx: &RequestContext, access: Access) -> Result<Caller, Problem> {
    let policy = access.policy;
    let Some(presented) = PresentedCredential::read(&cx.request) else { return Err(anonymous(cx).await) };
    let (store, windows) = (cx.context.store(), cx.context.limits());
    let seconds = policy.map_or(TIER_SECONDS, |policy| policy.seconds);
    // of a user's sessions together, and of an organization's keys: however many there are
    let bucket = |(user, organization)| match (&presented, policy) {
        (_, Some(policy)) => limits::of(Owner::User(user), &format!("outsend/{}", policy.name)),
        (PresentedCredential::Session { .. }, None) => user_bucket(user),
        (PresentedCredential::Key(_), None) => keys_bucket(organization),
    };
    let early = store.known_owner(presented.credential()).map(bucket);
    let start = async {
        match &early {
            Some(bucket) => windows.attempt(bucket, seconds, cx.now).await.map(Some),
            None => Ok(None),
        }
    };
    let (principal, attempt) = futures_util::future::join(store.principal(presented.credential(), cx.now), start).await;
    let (principal, attempt) = (principal?, attempt?);
    let Some(principal) = principal else {
        withdraw(cx, early.as_deref(), attempt, seconds).await?;
        return Err(anonymous(cx).await);
    };
    if let Err(problem) = allowed(cx, &principal, access) {
        // the limit's step was not reached, so the request does not count
        withdraw(cx, early.as_deref(), attempt, seconds).await?;
        return Err(problem);
    }
    let (account, session, key) = match principal {
        Principal::Session(session, account) => (account, Some(session), None),
        Principal::Key(key, account) => (account, None, Some(key)),
        // what the look-up gives is of the kind that was asked for
        Principal::Family(..) | Principal::Token(..) | Principal::Test(..) | Principal::Connection(..) => {
            return Err(anonymous(cx).await);
        }
    };
    let attempt = match attempt {
        Some(attempt) => attempt,
        None => windows.attempt(&bucket((account.user.id, account.organization.id)), seconds, cx.now).await?,
    };
    let policy = policy.unwrap_or_else(|| tier(account.organization.plan));
    cx.apply_verdict(policy, attempt.under(policy.limit))?;
    if let Some(key) = &key {
        touch(cx, key).await;
    }
    if let (Some(session), PresentedCredential::Session { value, .. }) = (&session, &presented) {
        slide(cx, session, value).await?;
    }
    Ok(Caller { account })
}

/// The bucket of a user's sessions (outsend 5.1).
#[must_use]
pub fn user_bucket(user: UserId) -> String {
    limits::of(Owner::User(user), "outsend/user")
}

/// The bucket of an organization's keys (outsend 5.1).
#[must_use]
pub fn keys_bucket(organization: OrganizationId) -> String {
    limits::of(Owner::Organization(organization), "outsend/keys")
}

/// Steps 4 and 5.
fn allowed(cx: &RequestContext, principal: &Principal, access: Access) -> Result<(), Problem> {
    let reads = cx.request.is_safe();
    let account = match principal {
        Principal::Session(_, account) => {
            if !reads {
                cx.same_site()?;
            }
            account
        }
        Principal::Key(key, account) => {
            let (has, scope) = if reads { (key.reads, "read") } else { (key.writes, "write") };
            if !has {
                return Err(Detail::Scope(scope).into());
            }
            if access.session_only {
                return Err(Detail::SessionOnly.into());
            }
            account
        }
        Principal::Family(_, account)
        | Principal::Token(_, account)
        | Principal::Test(_, account)
        | Principal::Connection(_, _, account) => account,
    };
    if access.active && !account.user.active {
        return Err(Detail::Deactivated.into());
    }
    if !account.user.verified && access.verified.applies(cx) {
        return Err(Detail::Unverified.into());
    }
    Ok(())
}

async fn withdraw(
    cx: &RequestContext,
    bucket: Option<&str>,
    attempt: Option<Attempt>,
    seconds: u32,
) -> Result<(), Problem> {
    if let (Some(bucket), Some(_)) = (bucket, attempt) {
        cx.context.limits().withdraw(bucket, seconds, cx.now).await?;
    }
    Ok(())
}

/// A request without valid credentials counts for its address, and is told to wait when that is exhausted.
async fn anonymous(cx: &RequestContext) -> Problem {
    match check_address_limit(cx).await {
        Ok(()) => Detail::AuthRequired.into(),
        Err(problem) => problem,
    }
}

/// Counts a request for what everybody may read: for its caller when it has a valid credential, else for its address
/// (outsend 4.4, 13).
///
/// # Errors
/// 429 when the caller or the address is over the limit; when the store fails.
pub fn count_reader(cx: &RequestContext) -> BoxFuture<'_, Result<(), Problem>> {
    Box::pin(async {
        match caller(cx, Access::ANY).await {
            Ok(_) | Err(Problem::Detail(Detail::AuthRequired)) => Ok(()),
            // what everybody may read needs no scope
            Err(Problem::Detail(Detail::Scope(_))) => check_address_limit(cx).await,
            Err(problem) => Err(problem),
        }
    })
}

/// Counts a request without valid credentials for its address (outsend 5.1).
///
/// # Errors
/// 429 when the address is over the limit; when the store fails.
pub fn check_address_limit(cx: &RequestContext) -> BoxFuture<'_, Result<(), Problem>> {
    cx.check_rate_limit(ANONYMOUS, format!("outsend/anon/{}", cx.address()))
}

async fn touch(cx: &RequestContext, key: &UserKey) {
    if let Err(error) = cx.context.store().touch_user_key(key, cx.now).await {
        tracing::warn!(cause = %error, "last use of a key not noted");
    }
}

/// Moves a session's end when it came near (outsend 4.1).
async fn slide(cx: &RequestContext, session: &Session, value: &str) -> Result<(), Problem> {
    if session.expires_at - cx.now >= SLIDE_BELOW {
        return Ok(());
    }
    if cx.context.store().slide_session(session, cx.now + SESSION_LENGTH).await? {
        let _ = cx.slid.set(cx.set_cookie(value));
    }
    Ok(())
}
