//! Who is calling: credentials, gates and the rate policy (outsend 4, 5).

use super::{
    call::{Call, SESSION_LENGTH},
    envelope::Problem,
    limits::{ANONYMOUS, Policy, TIER_SECONDS, tier},
    text::Detail,
};
use crate::{
    limits::Attempt,
    model::{Account, Session, UserId, UserKey},
    secret::sha256_hex,
    store::{Credential, Holder},
};

/// A session is moved when it has less than this left (outsend 4.1).
const SLIDE_BELOW: time::Duration = time::Duration::days(6);

/// What a route asks of its caller (outsend 4.4).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gates {
    /// Cookie session only.
    pub(super) session_only: bool,
    /// The account must be active.
    pub(super) active: bool,
    /// The e-mail address must be verified.
    pub(super) verified: bool,
}

/// A caller who passed every gate; only [`caller`] makes one.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) account: Account,
}

/// The text of 43 base64url characters that carry 256 bits.
fn is_token(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The hash of a session cookie's value; `None` when it has not the form of one.
pub(super) fn session_hash(value: &str) -> Option<String> {
    is_token(value).then(|| sha256_hex(value.as_bytes()))
}

/// The credential of a request that was let in, to be checked again later.
pub(super) fn sent(call: &Call) -> Option<Sent> {
    Sent::read(call)
}

/// The user behind the request's credential, if this process has met it; still to be proved.
pub(super) fn known_user(call: &Call) -> Option<UserId> {
    call.context.store().known_owner(Sent::read(call)?.credential())
}

/// Counts a request of a public route: for its caller when it has a valid credential, else for its address.
pub(super) async fn anybody(call: &Call) -> Result<(), Problem> {
    match caller(call, Gates::default(), None).await {
        Ok(_) | Err(Problem::Detail(Detail::AuthRequired)) => Ok(()),
        // what everybody may read needs no scope
        Err(Problem::Detail(Detail::Scope(_))) => charge_address(call).await,
        Err(problem) => Err(problem),
    }
}

/// A credential that was sent; the key alone decides when there is one (outsend 4.3).
pub(super) enum Sent {
    Session { hash: String, value: String },
    Key(String),
}

impl Sent {
    fn read(call: &Call) -> Option<Self> {
        if let Some(key) = call.request.header("x-api-key") {
            return is_token(key.strip_prefix("osk_")?).then(|| Self::Key(sha256_hex(key.as_bytes())));
        }
        let value = call.cookie()?;
        Some(Self::Session { hash: session_hash(&value)?, value })
    }

    pub(super) fn credential(&self) -> Credential<'_> {
        match self {
            Self::Session { hash, .. } => Credential::Session(hash),
            Self::Key(hash) => Credential::Key(hash),
        }
    }
}

/// Steps 3 to 6. In a process that has seen the credential before, the account's read and the
/// counter's increment go out together.
pub(super) async fn caller(call: &Call, gates: Gates, policy: Option<Policy>) -> Result<Caller, Problem> {
    let Some(sent) = Sent::read(call) else { return Err(anonymous(call).await) };
    let (store, limits) = (call.context.store(), call.context.limits());
    let seconds = policy.map_or(TIER_SECONDS, |policy| policy.seconds);
    let bucket = |user: String| match (&sent, policy) {
        (_, Some(policy)) => format!("outsend/{}/{user}", policy.name),
        (Sent::Session { .. }, None) => format!("outsend/user/{user}"),
        (Sent::Key(hash), None) => format!("outsend/key/{hash}"),
    };
    let early = store.known_owner(sent.credential()).map(|user| bucket(user.to_string()));
    let start = async {
        match &early {
            Some(bucket) => limits.attempt(bucket, seconds, call.now).await.map(Some),
            None => Ok(None),
        }
    };
    let (holder, attempt) = futures_util::future::join(store.holder(sent.credential(), call.now), start).await;
    let (holder, attempt) = (holder?, attempt?);
    let Some(holder) = holder else {
        withdraw(call, early.as_deref(), attempt, seconds).await?;
        return Err(anonymous(call).await);
    };
    if let Err(problem) = allowed(call, &holder, gates) {
        // the limit's step was not reached, so the request does not count
        withdraw(call, early.as_deref(), attempt, seconds).await?;
        return Err(problem);
    }
    let (account, session, key) = match holder {
        Holder::Session(session, account) => (account, Some(session), None),
        Holder::Key(key, account) => (account, None, Some(key)),
        // what the look-up gives is of the kind that was asked for
        Holder::Family(..) | Holder::Token(..) | Holder::Test(..) | Holder::Connection(..) => {
            return Err(anonymous(call).await);
        }
    };
    let attempt = match attempt {
        Some(attempt) => attempt,
        None => limits.attempt(&bucket(account.user.id.to_string()), seconds, call.now).await?,
    };
    let policy = policy.unwrap_or_else(|| tier(account.organization.plan));
    call.settle(policy, attempt.under(policy.limit))?;
    if let Some(key) = &key {
        touch(call, key).await;
    }
    if let (Some(session), Sent::Session { value, .. }) = (&session, &sent) {
        slide(call, session, value).await?;
    }
    Ok(Caller { account })
}

/// Steps 4 and 5.
fn allowed(call: &Call, holder: &Holder, gates: Gates) -> Result<(), Problem> {
    let reads = call.request.is_safe();
    let account = match holder {
        Holder::Session(_, account) => {
            if !reads {
                call.same_site()?;
            }
            account
        }
        Holder::Key(key, account) => {
            let (has, scope) = if reads { (key.reads, "read") } else { (key.writes, "write") };
            if !has {
                return Err(Detail::Scope(scope).into());
            }
            if gates.session_only {
                return Err(Detail::SessionOnly.into());
            }
            account
        }
        Holder::Family(_, account)
        | Holder::Token(_, account)
        | Holder::Test(_, account)
        | Holder::Connection(_, _, account) => account,
    };
    if gates.active && !account.user.active {
        return Err(Detail::Deactivated.into());
    }
    if gates.verified && !account.user.verified {
        return Err(Detail::Unverified.into());
    }
    Ok(())
}

async fn withdraw(call: &Call, bucket: Option<&str>, attempt: Option<Attempt>, seconds: u32) -> Result<(), Problem> {
    if let (Some(bucket), Some(_)) = (bucket, attempt) {
        call.context.limits().withdraw(bucket, seconds, call.now).await?;
    }
    Ok(())
}

/// A request without valid credentials counts for its address, and is told to wait when that is exhausted.
async fn anonymous(call: &Call) -> Problem {
    match charge_address(call).await {
        Ok(()) => Detail::AuthRequired.into(),
        Err(problem) => problem,
    }
}

/// Counts a request for its address.
pub(super) async fn charge_address(call: &Call) -> Result<(), Problem> {
    call.charge(ANONYMOUS, &format!("outsend/anon/{}", call.address())).await
}

async fn touch(call: &Call, key: &UserKey) {
    if let Err(error) = call.context.store().touch_user_key(key, call.now).await {
        tracing::warn!(cause = %error, "last use of a key not noted");
    }
}

/// Moves a session's end when it came near (outsend 4.1).
async fn slide(call: &Call, session: &Session, value: &str) -> Result<(), Problem> {
    if session.expires_at - call.now >= SLIDE_BELOW {
        return Ok(());
    }
    if call.context.store().slide_session(session, call.now + SESSION_LENGTH).await? {
        let _ = call.slid.set(call.set_cookie(value));
    }
    Ok(())
}
