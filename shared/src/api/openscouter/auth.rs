//! Who is calling: credentials, limits, account status, rights (openscouter 3, 2.5 steps 4 to 7).

use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{call::Call, envelope::Problem, limits::tier};
use crate::{
    model::{
        Account, Action, ApiToken, Connection, ConnectionId, Family, FamilyId, OrganizationId, Plan, Role, Standing,
        TestToken, TokenId, UserId,
    },
    secret::{read_handle, sha256_hex},
    store::{Credential, Holder},
};

/// How long an access token works (openscouter 3.2).
pub(super) const JWT_SECONDS: i64 = 86_400;
/// How far ahead of ours an issuer's clock may be.
const LEEWAY_SECONDS: i64 = 60;

/// The claims of an access token (openscouter 3.2). `jti` begins with the id of the sign-in, which is read on each
/// request: when it has ended, so has the token.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) aud: String,
    pub(super) sub: String,
    pub(super) role: String,
    /// Must be there, be it as `null`.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) org: Option<String>,
    pub(super) plan: String,
    pub(super) jti: String,
    pub(super) iat: i64,
    pub(super) exp: i64,
}

impl Claims {
    pub(super) fn new(base: &str, account: &Account, family: &Family, now: OffsetDateTime) -> Self {
        let user = &account.user;
        let iat = now.unix_timestamp();
        Self {
            iss: base.to_owned(),
            aud: format!("{base}/api"),
            sub: user.id.wire(),
            role: user.role.as_str().to_owned(),
            org: (user.role == Role::Business).then(|| user.organization.wire()),
            plan: account.plan().as_str().to_owned(),
            jti: format!("{}.{}", family.id.wire(), Uuid::now_v7().simple()),
            iat,
            exp: iat + JWT_SECONDS,
        }
    }

    fn family(&self) -> Option<FamilyId> {
        FamilyId::from_wire(self.jti.split_once('.')?.0)
    }
}

/// What an endpoint takes beside a JWT (openscouter 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Read,
    Write,
    Admin,
}

/// What an endpoint takes of OAuth tokens with audience `<base>/api` (openscouter 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    None,
    Read,
    Draft,
}

/// Who may call an endpoint (openscouter 4).
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    /// Roles that may, with a JWT.
    pub(super) roles: &'static [Role],
    /// Least scope of an API token; `None` when none is taken.
    pub(super) token: Option<Scope>,
    /// Least scope of an OAuth token.
    pub(super) oauth: Grant,
    /// Whether a test token is taken.
    pub(super) test: bool,
    /// Whether a tester may who has not passed the quiz yet (openscouter 3.7).
    pub(super) pending: bool,
}

impl Access {
    const fn of(roles: &'static [Role], token: Option<Scope>, oauth: Grant, test: bool) -> Self {
        Self { roles, token, oauth, test, pending: false }
    }

    /// The same, and testers who have not passed the quiz yet.
    const fn or_pending(self) -> Self {
        Self { pending: true, ..self }
    }
}

const EVERYBODY: &[Role] = &[Role::Business, Role::Tester, Role::Admin];
const OWNING: &[Role] = &[Role::Business, Role::Admin];
const ADMIN: &[Role] = &[Role::Admin];
const TESTER: &[Role] = &[Role::Tester];

/// Any signed-in person, and nobody else: what a person may do to the own account.
pub(super) const ANY_ROLE: Access = Access::of(EVERYBODY, None, Grant::None, false).or_pending();
/// Any signed-in person, and who may read for one.
pub(super) const ANY_READER: Access = Access::of(EVERYBODY, Some(Scope::Read), Grant::Read, false);
/// As [`ANY_READER`], of the own account.
pub(super) const SELF_READER: Access = ANY_READER.or_pending();
/// As [`ANY_READER`], and test tokens.
pub(super) const ANY_READER_OR_TEST: Access = Access::of(EVERYBODY, Some(Scope::Read), Grant::Read, true);
/// Any signed-in person, and API tokens that may read, and test tokens.
pub(super) const NOTE_READERS: Access = Access::of(EVERYBODY, Some(Scope::Read), Grant::None, true);
/// Any signed-in person, and API tokens that may write.
pub(super) const ANY_WRITER: Access = Access::of(EVERYBODY, Some(Scope::Write), Grant::None, false);
/// As [`ANY_WRITER`], and test tokens.
pub(super) const ANY_WRITER_OR_TEST: Access = Access::of(EVERYBODY, Some(Scope::Write), Grant::None, true);
/// Testers, in person, qualified or on the way to it (openscouter 18).
pub(super) const TESTERS: Access = Access::of(TESTER, None, Grant::None, false).or_pending();
/// Testers, in person or with a test token.
pub(super) const TESTERS_OR_TEST: Access = Access::of(TESTER, None, Grant::None, true);
/// Who may send what was captured.
pub(super) const CAPTURERS: Access = Access::of(&[Role::Tester, Role::Admin], Some(Scope::Admin), Grant::None, true);
/// Who may give feedback.
pub(super) const CRITICS: Access = Access::of(&[Role::Business, Role::Tester], Some(Scope::Write), Grant::None, false);
/// Business users and admins, in person.
pub(super) const OWNERS: Access = Access::of(OWNING, None, Grant::None, false);
/// Business users and admins, and who may read for them.
pub(super) const OWNING_READERS: Access = Access::of(OWNING, Some(Scope::Read), Grant::Read, false);
/// Business users and admins, and API tokens that may write.
pub(super) const OWNING_WRITERS: Access = Access::of(OWNING, Some(Scope::Write), Grant::None, false);
/// As [`OWNING_WRITERS`], and OAuth tokens that may draft.
pub(super) const DRAFTERS: Access = Access::of(OWNING, Some(Scope::Write), Grant::Draft, false);
/// Admins and their tokens.
pub(super) const ADMINS: Access = Access::of(ADMIN, Some(Scope::Admin), Grant::None, false);

/// The credential that a caller used.
#[derive(Debug)]
pub(super) enum Used {
    Jwt(Family),
    Token(ApiToken),
    /// A test token; what it is bound to matters to the endpoints that take one.
    Test(TestToken),
    Connection(Connection, bool),
}

/// A caller who passed every check; only [`caller`] makes one.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) account: Account,
    pub(super) used: Used,
}

impl Caller {
    /// The organization whose objects the caller sees; `None` means all (openscouter 3.8).
    pub(super) fn sees(&self) -> Option<OrganizationId> {
        match self.side() {
            Side::Admin => None,
            Side::Owner(organization) => Some(organization),
            Side::Tester(_) => Some(self.account.organization.id),
        }
    }

    /// Whose objects the caller sees (openscouter 3.8).
    pub(super) fn side(&self) -> Side {
        // bound to one organization, whoever allowed it (openscouter 3.5)
        if let Used::Connection(connection, _) = &self.used {
            return Side::Owner(connection.organization);
        }
        match self.account.user.role {
            Role::Admin => Side::Admin,
            Role::Business => Side::Owner(self.account.organization.id),
            Role::Tester => Side::Tester(self.account.user.id),
        }
    }

    /// Who it is, for idempotency records (openscouter 2.10).
    pub(super) fn key(&self) -> String {
        match &self.used {
            Used::Jwt(_) | Used::Test(_) => self.account.user.id.wire(),
            Used::Token(token) => token.id.wire(),
            Used::Connection(connection, _) => connection.id.wire(),
        }
    }
}

/// Whose objects a caller sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// All.
    Admin,
    /// Those of an organization.
    Owner(OrganizationId),
    /// Those that a tester works on.
    Tester(UserId),
}

/// A credential that was sent.
enum Sent {
    Jwt(Box<Claims>, FamilyId, UserId),
    Token(TokenId, String),
    Test(String),
    Connection(ConnectionId, String),
}

impl Sent {
    /// Reads the header; the text says what is wrong with it.
    fn read(call: &Call) -> Result<Self, &'static str> {
        const INVALID: &str = "Invalid credentials";
        let header = call.request.header("authorization").ok_or("Missing credentials")?;
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
            return Self::read_jwt(call, value);
        }
        Err(INVALID)
    }

    fn read_jwt(call: &Call, text: &str) -> Result<Self, &'static str> {
        const INVALID: &str = "Invalid credentials";
        let claims: Claims = call.context.settings().openscouter.keys.verify(text).map_err(|_| INVALID)?;
        let base = call.base();
        let now = call.now.unix_timestamp();
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

    fn credential(&self) -> Credential<'_> {
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

    /// What the request counts for; of a test token that a process meets for the first time it is not known yet.
    fn bucket(&self, call: &Call) -> Option<String> {
        Some(match self {
            Self::Jwt(_, _, user) => user_bucket(*user),
            Self::Token(id, _) => format!("openscouter/token/{id}"),
            Self::Test(_) => user_bucket(call.context.store().known_owner(self.credential())?),
            Self::Connection(id, _) => format!("openscouter/connection/{id}"),
        })
    }

    /// The plan that the limit is guessed by, until the organization is read.
    fn guess(&self) -> Plan {
        match self {
            Self::Jwt(claims, ..) => Plan::parse(&claims.plan).unwrap_or(Plan::Free),
            Self::Token(..) | Self::Test(_) | Self::Connection(..) => Plan::Free,
        }
    }
}

/// A tester's JWT and test token share the tester's key (openscouter 2.8).
fn user_bucket(user: UserId) -> String {
    format!("openscouter/user/{user}")
}

/// A request without valid credentials counts for its address, and is told to wait when that is exhausted.
async fn refused(call: &Call, text: &str) -> Problem {
    match call.anonymous().await {
        Ok(()) => Problem::unauthorized(text),
        Err(problem) => problem,
    }
}

/// Steps 4 to 7. The account's read and the counter's update go out together.
pub(super) async fn caller(call: &Call, access: Access) -> Result<Caller, Problem> {
    let sent = match Sent::read(call) {
        Ok(sent) => sent,
        Err(text) => return Err(refused(call, text).await),
    };
    let (store, limits) = (call.context.store(), call.context.limits());
    let (early, guess) = (sent.bucket(call), tier(sent.guess()).limit);
    let take = async {
        match &early {
            Some(bucket) => limits.take(bucket, guess, call.now).await.map(Some),
            None => Ok(None),
        }
    };
    let (holder, taken) = futures_util::future::join(store.holder(sent.credential(), call.now), take).await;
    let base = call.base();
    let found = match holder? {
        Some(Holder::Family(family, account)) => Some((Used::Jwt(family), account)),
        Some(Holder::Token(token, account)) => Some((Used::Token(token), account)),
        Some(Holder::Test(token, account)) => Some((Used::Test(token), account)),
        // a token for another audience is as good as none (openscouter 3.5)
        Some(Holder::Connection(connection, draft, account)) if connection.audience == format!("{base}/api") => {
            Some((Used::Connection(connection, draft), account))
        }
        _ => None,
    };
    let Some((used, account)) = found else {
        if let (Ok(Some(taken)), Some(bucket)) = (taken, &early)
            && let Err(error) = limits.give_back(bucket, taken).await
        {
            tracing::error!(cause = %error, "request not taken back");
        }
        return Err(refused(call, "Invalid credentials").await);
    };
    let policy = tier(account.plan());
    let bucket = early.unwrap_or_else(|| user_bucket(account.user.id));
    let taken = match taken {
        Ok(None) => limits.take(&bucket, guess, call.now).await,
        Ok(Some(taken)) => Ok(taken),
        Err(error) => Err(error),
    };
    let judged = match taken {
        Ok(taken) => limits.judge(&bucket, taken, (guess, policy.limit), call.now).await,
        Err(error) => Err(error),
    };
    match judged {
        Ok(verdict) => call.settle(policy, verdict)?,
        // a failure of the counter lets the request through (openscouter 2.8)
        Err(error) => tracing::error!(cause = %error, "request not counted"),
    }
    if !account.user.active {
        return Err(Problem::forbidden("Account suspended"));
    }
    let caller = Caller { account, used };
    if let Err(problem) = allowed(&caller, access) {
        if access.roles == ADMINS.roles {
            let user = &caller.account.user;
            let detail = json!({"method": call.request.method, "path": call.request.path});
            store.record(&call.record(Action::Refused, Some(user), None, detail)).await?;
        }
        return Err(problem);
    }
    touch(call, &caller.used).await;
    Ok(caller)
}

/// Step 7: kind, scope, role.
fn allowed(caller: &Caller, access: Access) -> Result<(), Problem> {
    let misplaced = || Problem::forbidden("This credential cannot be used here");
    let user = &caller.account.user;
    match &caller.used {
        Used::Jwt(_) => {}
        Used::Token(token) => scoped(token, access.token.ok_or_else(misplaced)?)?,
        Used::Test(_) if access.test => {}
        Used::Test(_) => return Err(misplaced()),
        Used::Connection(_, draft) => match access.oauth {
            Grant::None => return Err(misplaced()),
            Grant::Draft if !draft => return Err(Problem::forbidden("Missing scope: draft")),
            Grant::Read | Grant::Draft => {}
        },
    }
    // a connection stands for an organization, whoever allowed it
    let role = match &caller.used {
        Used::Connection(..) => Role::Business,
        Used::Jwt(_) | Used::Token(_) | Used::Test(_) => user.role,
    };
    let waits = role == Role::Tester && user.standing() == Standing::Pending;
    if !access.roles.contains(&role) || (waits && !access.pending) {
        return Err(Problem::forbidden("You do not have permission to perform this action"));
    }
    Ok(())
}

/// Whether an API token has the scope that is asked for.
fn scoped(token: &ApiToken, scope: Scope) -> Result<(), Problem> {
    let scopes = token.scopes;
    let (has, name) = match scope {
        Scope::Read => (scopes.read || scopes.write || scopes.admin, "read"),
        Scope::Write => (scopes.write || scopes.admin, "write"),
        Scope::Admin => (scopes.admin, "admin"),
    };
    if has { Ok(()) } else { Err(Problem::forbidden(format!("Missing scope: {name}"))) }
}

async fn touch(call: &Call, used: &Used) {
    let store = call.context.store();
    let touched = match used {
        Used::Jwt(_) | Used::Test(_) => return,
        Used::Token(token) => store.touch_token(token, call.now).await,
        Used::Connection(connection, _) => store.touch_connection(connection, call.now).await,
    };
    if let Err(error) = touched {
        tracing::warn!(cause = %error, "last use of a credential not noted");
    }
}
