//! Who may call an endpoint (openscouter 3.7, 3.8, 4).

use super::envelope::Problem;
use crate::model::{Account, ApiToken, Connection, Family, OrganizationId, Role, Standing, TestToken, UserId};

/// What an endpoint takes beside a JWT (openscouter 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Reading, which every scope allows.
    Read,
    /// Writing, which `write` and `admin` allow.
    Write,
    /// What administrators do.
    Admin,
}

/// What an endpoint takes of OAuth tokens with audience `<base>/api` (openscouter 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// No such token is taken.
    None,
    /// Every one.
    Read,
    /// One that may make drafts.
    Draft,
}

/// What an OAuth token is for (openscouter 3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The endpoints of this API.
    Api,
    /// The MCP server, which takes no other credential (openscouter 19.1).
    Mcp,
}

impl Audience {
    /// The resource under a public base URL.
    #[must_use]
    pub fn resource(self, base: &str) -> String {
        match self {
            Self::Api => format!("{base}/api"),
            Self::Mcp => format!("{base}/api/mcp"),
        }
    }
}

/// Who may call an endpoint (openscouter 4).
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// Roles that may, with a JWT.
    pub roles: &'static [Role],
    /// Least scope of an API token; `None` when none is taken.
    pub token: Option<Scope>,
    /// Least scope of an OAuth token.
    pub oauth: Grant,
    /// What that token is for.
    pub audience: Audience,
    /// Whether a test token is taken.
    pub test: bool,
    /// Whether a tester may who has not passed the quiz yet (openscouter 3.7).
    pub pending: bool,
}

impl Access {
    /// People of these roles, in person.
    #[must_use]
    pub const fn of(roles: &'static [Role]) -> Self {
        Self { roles, token: None, oauth: Grant::None, audience: Audience::Api, test: false, pending: false }
    }

    /// The same, and API tokens with at least this scope.
    #[must_use]
    pub const fn tokens(self, least: Scope) -> Self {
        Self { token: Some(least), ..self }
    }

    /// The same, and OAuth tokens with at least this grant.
    #[must_use]
    pub const fn oauth(self, least: Grant) -> Self {
        Self { oauth: least, ..self }
    }

    /// OAuth tokens for the MCP server alone, each with at least this grant (openscouter 19.1).
    #[must_use]
    pub const fn mcp(least: Grant) -> Self {
        Self { audience: Audience::Mcp, ..Self::of(&[Role::Business]).oauth(least) }
    }

    /// The same, and test tokens.
    #[must_use]
    pub const fn or_test(self) -> Self {
        Self { test: true, ..self }
    }

    /// The same, and testers who have not passed the quiz yet (openscouter 3.7).
    #[must_use]
    pub const fn or_pending(self) -> Self {
        Self { pending: true, ..self }
    }
}

/// All roles.
pub const EVERYBODY: &[Role] = &[Role::Business, Role::Tester, Role::Admin];
/// The roles that have studies.
pub const OWNING: &[Role] = &[Role::Business, Role::Admin];

/// Any signed-in person, and nobody else: what a person may do to the own account.
pub const ANY_ROLE: Access = Access::of(EVERYBODY).or_pending();
/// Any signed-in person, and who may read for one.
pub const ANY_READER: Access = Access::of(EVERYBODY).tokens(Scope::Read).oauth(Grant::Read);
/// As [`ANY_READER`], and test tokens.
pub const ANY_READER_OR_TEST: Access = ANY_READER.or_test();
/// Any signed-in person, and API tokens that may write, and test tokens.
pub const ANY_WRITER_OR_TEST: Access = Access::of(EVERYBODY).tokens(Scope::Write).or_test();
/// Testers, in person, qualified or on the way to it (openscouter 18).
pub const TESTERS: Access = Access::of(&[Role::Tester]).or_pending();
/// Testers, in person or with a test token.
pub const TESTERS_OR_TEST: Access = Access::of(&[Role::Tester]).or_test();
/// Who may send signals of a test session (openscouter 11).
pub const INGESTERS: Access = Access::of(&[Role::Tester, Role::Admin]).tokens(Scope::Admin).or_test();
/// Business users and admins, in person.
pub const OWNERS: Access = Access::of(OWNING);
/// Business users and admins, and API tokens that may write.
pub const OWNING_WRITERS: Access = Access::of(OWNING).tokens(Scope::Write);
/// As [`OWNING_WRITERS`], and OAuth tokens that may draft.
pub const DRAFTERS: Access = OWNING_WRITERS.oauth(Grant::Draft);
/// Admins and their tokens.
pub const ADMINS: Access = Access::of(&[Role::Admin]).tokens(Scope::Admin);

/// The credential that a caller used.
#[derive(Debug)]
pub enum CredentialKind {
    /// An access token of a person, and the sign-in that it belongs to.
    Jwt(Family),
    /// An API token.
    Token(ApiToken),
    /// A test token; what it is bound to matters to the endpoints that take one.
    Test(TestToken),
    /// An OAuth token's connection, and whether the token may make drafts.
    Connection(Connection, bool),
}

/// A caller who passed every check; only the authentication makes one.
#[derive(Debug)]
pub struct Caller {
    /// Who it is.
    pub account: Account,
    /// What was presented.
    pub credential: CredentialKind,
}

impl Caller {
    /// The organization whose objects the caller sees; `None` means all (openscouter 3.8).
    #[must_use]
    pub fn sees(&self) -> Option<OrganizationId> {
        match self.viewer() {
            Viewer::Admin => None,
            Viewer::Owner(organization) => Some(organization),
            Viewer::Tester(_) => Some(self.account.organization.id),
        }
    }

    /// Whose objects the caller sees (openscouter 3.8).
    #[must_use]
    pub fn viewer(&self) -> Viewer {
        // bound to one organization, whoever allowed it (openscouter 3.5)
        if let CredentialKind::Connection(connection, _) = &self.credential {
            return Viewer::Owner(connection.organization);
        }
        match self.account.user.role {
            Role::Admin => Viewer::Admin,
            Role::Business => Viewer::Owner(self.account.organization.id),
            Role::Tester => Viewer::Tester(self.account.user.id),
        }
    }

    /// Who it is, for idempotency records (openscouter 2.10).
    #[must_use]
    pub fn key(&self) -> String {
        match &self.credential {
            CredentialKind::Jwt(_) | CredentialKind::Test(_) => self.account.user.id.wire(),
            CredentialKind::Token(token) => token.id.wire(),
            CredentialKind::Connection(connection, _) => connection.id.wire(),
        }
    }
}

/// Whose objects a caller sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewer {
    /// All.
    Admin,
    /// Those of an organization.
    Owner(OrganizationId),
    /// Those that a tester works on.
    Tester(UserId),
}

/// Step 7: kind, scope, role.
pub(super) fn allowed(caller: &Caller, access: Access) -> Result<(), Problem> {
    let misplaced = || Problem::forbidden("This credential cannot be used here");
    let user = &caller.account.user;
    match &caller.credential {
        CredentialKind::Jwt(_) => {}
        CredentialKind::Token(token) => scoped(token, access.token.ok_or_else(misplaced)?)?,
        CredentialKind::Test(_) if access.test => {}
        CredentialKind::Test(_) => return Err(misplaced()),
        CredentialKind::Connection(_, draft) => match access.oauth {
            Grant::None => return Err(misplaced()),
            Grant::Draft if !draft => return Err(Problem::forbidden("Missing scope: draft")),
            Grant::Read | Grant::Draft => {}
        },
    }
    // a connection stands for an organization, whoever allowed it
    let role = match &caller.credential {
        CredentialKind::Connection(..) => Role::Business,
        CredentialKind::Jwt(_) | CredentialKind::Token(_) | CredentialKind::Test(_) => user.role,
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
