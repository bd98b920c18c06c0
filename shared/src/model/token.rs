//! API tokens of OpenScouter (openscouter 3.4, 8).

use time::OffsetDateTime;

use super::{OrganizationId, StudyId, TokenId, User, UserId};

/// What a token may do; each scope implies the ones before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenScopes {
    /// Was asked for with `read`.
    pub read: bool,
    /// Was asked for with `write`.
    pub write: bool,
    /// Was asked for with `admin`.
    pub admin: bool,
}

impl TokenScopes {
    /// The names in the contract's order.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        let all = [(self.read, "read"), (self.write, "write"), (self.admin, "admin")];
        all.into_iter().filter(|(has, _)| *has).map(|(_, name)| name).collect()
    }

    /// Adds a scope by its name; `false` when there is no such scope.
    pub fn add(&mut self, name: &str) -> bool {
        match name {
            "read" => self.read = true,
            "write" => self.write = true,
            "admin" => self.admin = true,
            _ => return false,
        }
        true
    }
}

/// An API token; the token itself is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Id; the token carries it.
    pub id: TokenId,
    /// SHA-256 of the whole token, in hex.
    pub hash: String,
    /// Last four characters of the token, for display.
    pub last_four: String,
    /// Name for people.
    pub name: String,
    /// What it may do.
    pub scopes: TokenScopes,
    /// Who made it.
    pub creator: UserId,
    /// The organization that it acts for.
    pub organization: OrganizationId,
    /// The creator's count of ended credentials at the creation.
    pub generation: u64,
    /// Creation time.
    pub created_at: OffsetDateTime,
    /// When it stops working, if ever.
    pub expires_at: Option<OffsetDateTime>,
    /// Last use, to the minute.
    pub last_used_at: Option<OffsetDateTime>,
}

/// A test token: one tester on one study (openscouter 3.6); the token itself is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestToken {
    /// SHA-256 of the token, in hex.
    pub hash: String,
    /// The tester.
    pub tester: UserId,
    /// The tester's private organization.
    pub organization: OrganizationId,
    /// The study.
    pub study: StudyId,
    /// The tester's count of ended credentials then.
    pub generation: u64,
    /// When it stops working.
    pub expires_at: OffsetDateTime,
}

impl ApiToken {
    /// Whether the token works at `now`.
    #[must_use]
    pub fn works_at(&self, now: OffsetDateTime) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether the token was not ended with all others of `user`, as far as it is theirs.
    #[must_use]
    pub fn lives_for(&self, user: &User) -> bool {
        self.creator != user.id || self.generation == user.credential_generation
    }
}
