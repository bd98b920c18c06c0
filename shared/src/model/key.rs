//! API keys of the Outset dialect (outset 5.2).

use time::OffsetDateTime;

use super::{ApiKeyId, OrganizationId};
use crate::secret::KeyHash;

/// What a key may do (outset 1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Safe methods.
    StudiesRead,
    /// Every other method.
    StudiesWrite,
}

impl Scope {
    /// Both, which a key has that was made without naming any.
    pub const ALL: [Self; 2] = [Self::StudiesRead, Self::StudiesWrite];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StudiesRead => "studies:read",
            Self::StudiesWrite => "studies:write",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// A stored API key; the key itself is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Id for lists and revocation.
    pub id: ApiKeyId,
    /// Hash of the whole key: the look-up key.
    pub hash: KeyHash,
    /// First nine characters of the key, for display.
    pub prefix: String,
    /// Name for people.
    pub name: String,
    /// The one organization that the key is bound to.
    pub organization: OrganizationId,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Creation time.
    pub created_at: OffsetDateTime,
    /// When it stops working, if ever.
    pub expires_at: Option<OffsetDateTime>,
    /// When it was revoked; final.
    pub revoked_at: Option<OffsetDateTime>,
    /// Last successful authentication, to the minute.
    pub last_used_at: Option<OffsetDateTime>,
}

impl ApiKey {
    /// Whether the key works at `now`: neither revoked nor expired.
    #[must_use]
    pub fn works_at(&self, now: OffsetDateTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether the key has `scope`.
    #[must_use]
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}
