//! Who is calling: credential, limit, account status, rights (openscouter 3, 2.5 steps 4 to 7).

use serde_json::json;
use uuid::Uuid;

use super::{
    access::{ADMINS, Access, Audience, Caller, CredentialKind, allowed},
    claims::Claims,
    envelope::Problem,
    limits::tier,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    limits::{self, Taken},
    model::{Account, Action, ConnectionId, FamilyId, OrganizationId, Owner, Plan, Role, TokenId, UserId},
    secret::{read_handle, sha256_hex},
    store::{Credential, Principal, StoreError},
};

/// How far ahead of ours an issuer's clock may be.
const LEEWAY_SECONDS: i64 = 60;

/// A credential that was sent (openscouter 3).
#[derive(Debug)]
pub enum PresentedCredential {
    /// An access token with our signature that has not ended: what it says, its sign-in, and its user.
    Jwt(Box<Claims>, FamilyId, UserId),
    /// An API token: its id and the hash of all of it.
    Token(TokenId, String),
    /// The hash of a test token.
    Test(String),
    /// An OAuth access token: its connection and the hash of all of it.
    Connection(ConnectionId, String),
}

impl PresentedCredential {
    /// Reads the header.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn read(cx: &RequestContext) -> Result<Self, &'static str> {
        const INVALID: &str = "Invalid credentials";
        let header = cx.request.header("authorization").ok_or("Missing credentials")?;
        let (scheme, value) = header.split_once(' ').ok_or(INVALID)?;
        let bearer = scheme.eq_ignore_ascii_case("bearer");
        if !bearer && !scheme.eq_ignore_ascii_case("token") {
            return Err(INVALID);
        }
        let read = |prefix: &str| read_handle(prefix, value).map(|(id, hash)| (Uuid::from_bytes(id), hash));
        // a test token goes with either word
        if value.len() == 48 && value.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
            return Ok(Self::Test(sha256_hex(value.as_bytes())));
        }
        if bearer && let Some((id, hash)) = read("osat_") {
            return Ok(Self::Connection(ConnectionId::from_uuid(id), hash));
        }
        if !bearer && let Some((id, hash)) = read("osc_") {
            return Ok(Self::Token(TokenId::from_uuid(id), hash));
        }
        if bearer {
            return Self::read_jwt(cx, value);
        }
        Err(INVALID)
    }

    fn read_jwt(cx: &RequestContext, text: &str) -> Result<Self, &'static str> {
        const INVALID: &str = "Invalid credentials";
        let claims: Claims = cx.context.settings().openscouter.keys.verify(text).map_err(|_| INVALID)?;
        let base = cx.base();
        let now = cx.now.unix_timestamp();
        if claims.iss != base || claims.aud != format!("{base}/api") || claims.iat > now + LEEWAY_SECONDS {
            return Err(INVALID);
        }
        if claims.exp <= now {
            return Err("Token expired");
        }
        let family = claims.family().ok_or(INVALID)?;
        let user = UserId::from_wire(&claims.sub).ok_or(INVALID)?;
        Ok(Self::Jwt(Box::new(claims), family, user))
    }

    /// What the store looks it up by.
    #[must_use]
    pub fn credential(&self) -> Credential<'_> {
        match self {
            Self::Jwt(claims, family, user) => {
                let organization = claims.org.as_deref().and_then(OrganizationId::from_wire);
                Credential::Family(*family, *user, organization)
            }
            Self::Token(id, hash) => Credential::Token(*id, hash),
            Self::Test(hash) => Credential::Test(hash),
            Self::Connection(id, hash) => Credential::Connection(*id, hash),
        }
    }

    /// What the request counts for, as far as this process knows whose the credential is.
    fn bucket(&self, cx: &RequestContext) -> Option<String> {
        if let Self::Jwt(_, _, user) = self {
            return Some(user_bucket(*user));
        }
        let (user, organization) = cx.context.store().known_owner(self.credential())?;
        Some(match self {
            Self::Jwt(..) | Self::Test(_) => user_bucket(user),
            Self::Token(..) | Self::Connection(..) => organization_bucket(organization),
        })
    }

    /// The plan that the limit is guessed by, until the organization is read.
    #[must_use]
    pub fn guess(&self) -> Plan {
        match self {
            Self::Jwt(claims, ..) => Plan::parse(&claims.plan).unwrap_or(Plan::Free),
            Self::Token(..) | Self::Test(_) | Self::Connection(..) => Plan::Free,
        }
    }
}

/// A tester's JWT and test token share the tester's key (openscouter 2.8).
fn user_bucket(user: UserId) -> String {
    limits::of(Owner::User(user), "openscouter/user")
}

/// An organization's tokens and connections share its limit, however many there are (openscouter 2.8).
fn organization_bucket(organization: OrganizationId) -> String {
    limits::of(Owner::Organization(organization), "openscouter/organization")
}

/// What a caller's request counts for. An admin who has a connection to another's organization takes nothing of its limit.
fn bucket_of(used: &CredentialKind, account: &Account) -> String {
    match used {
        CredentialKind::Jwt(_) | CredentialKind::Test(_) => user_bucket(account.user.id),
        CredentialKind::Connection(..) if account.user.role == Role::Admin => user_bucket(account.user.id),
        CredentialKind::Token(_) | CredentialKind::Connection(..) => organization_bucket(account.organization.id),
    }
}

/// A request without valid credentials counts for its address, and is told to wait when that is exhausted.
async fn refused(cx: &RequestContext, text: &str) -> Problem {
    match cx.anonymous().await {
        Ok(()) => Problem::unauthorized(text),
        Err(problem) => problem,
    }
}

/// The credential of a principal of this API, and the account behind it.
fn credential_of(cx: &RequestContext, principal: Principal, audience: Audience) -> Option<(CredentialKind, Account)> {
    match principal {
        // a token for another audience is as good as none, and so is everything else where only one audience counts
        // (openscouter 3.1, 3.5)
        Principal::Connection(connection, draft, account) => {
            let meant = connection.audience == audience.resource(&cx.base());
            meant.then_some((CredentialKind::Connection(connection, draft), account))
        }
        _ if audience == Audience::Mcp => None,
        Principal::Family(family, account) => Some((CredentialKind::Jwt(family), account)),
        Principal::Token(token, account) => Some((CredentialKind::Token(token), account)),
        Principal::Test(token, account) => Some((CredentialKind::Test(token), account)),
        _ => None,
    }
}

/// Steps 4 to 7 (openscouter 2.5). The account's read and the counter's update go out together.
///
/// # Errors
/// What the first step that fails answers.
pub(super) fn caller(cx: &RequestContext, access: Access) -> BoxFuture<'_, Result<Caller, Problem>> {
    Box::pin(check(cx, access))
}

async fn check(cx: &RequestContext, access: Access) -> Result<Caller, Problem> {
    let presented = match PresentedCredential::read(cx) {
        Ok(presented) => presented,
        Err(text) => return Err(refused(cx, text).await),
    };
    let (store, windows) = (cx.context.store(), cx.context.limits());
    let (early, guess) = (presented.bucket(cx), tier(presented.guess()).limit);
    let take = async {
        match &early {
            Some(bucket) => windows.take(bucket, guess, cx.now).await.map(Some),
            None => Ok(None),
        }
    };
    let (holder, taken) = futures_util::future::join(store.principal(presented.credential(), cx.now), take).await;
    let found = holder?.and_then(|principal| credential_of(cx, principal, access.audience));
    let Some((used, account)) = found else {
        give_back(cx, early.as_deref(), taken).await;
        return Err(refused(cx, "Invalid credentials").await);
    };
    let policy = tier(account.plan());
    let bucket = bucket_of(&used, &account);
    let taken = if early.as_ref().is_some_and(|early| *early != bucket) {
        give_back(cx, early.as_deref(), taken).await;
        Ok(None)
    } else {
        taken
    };
    let taken = match taken {
        Ok(None) => windows.take(&bucket, guess, cx.now).await,
        Ok(Some(taken)) => Ok(taken),
        Err(error) => Err(error),
    };
    let judged = match taken {
        Ok(taken) => windows.judge(&bucket, taken, (guess, policy.limit), cx.now).await,
        Err(error) => Err(error),
    };
    match judged {
        Ok(verdict) => cx.apply_verdict(policy, verdict)?,
        // a failure of the counter lets the request through (openscouter 2.8)
        Err(error) => tracing::error!(cause = %error, "request not counted"),
    }
    if !account.user.active {
        return Err(Problem::forbidden("Account suspended"));
    }
    let caller = Caller { account, credential: used };
    if let Err(problem) = allowed(&caller, access) {
        if access.roles == ADMINS.roles {
            let user = &caller.account.user;
            let detail = json!({"method": cx.request.method, "path": cx.request.path});
            store.record(&cx.record(Action::Refused, Some(user), None, detail)).await?;
        }
        return Err(problem);
    }
    touch(cx, &caller.credential).await;
    Ok(caller)
}

/// Takes a request back that was counted for another than it turned out to be.
async fn give_back(cx: &RequestContext, bucket: Option<&str>, taken: Result<Option<Taken>, StoreError>) {
    if let (Ok(Some(taken)), Some(bucket)) = (taken, bucket)
        && let Err(error) = cx.context.limits().give_back(bucket, taken).await
    {
        tracing::error!(cause = %error, "request not taken back");
    }
}

async fn touch(cx: &RequestContext, used: &CredentialKind) {
    let store = cx.context.store();
    let touched = match used {
        CredentialKind::Jwt(_) | CredentialKind::Test(_) => return,
        CredentialKind::Token(token) => store.touch_token(token, cx.now).await,
        CredentialKind::Connection(connection, _) => store.touch_connection(connection, cx.now).await,
    };
    if let Err(error) = touched {
        tracing::warn!(cause = %error, "last use of a credential not noted");
    }
}
