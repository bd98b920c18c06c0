//! Organizations.

use time::OffsetDateTime;

use super::OrganizationId;

/// What an organization pays for; it decides the rate limit of its keys (outset 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// The default.
    Free,
    /// Higher limits.
    Pro,
}

impl Plan {
    /// The stored and shown name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Pro => "pro",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Free, Self::Pro].into_iter().find(|plan| plan.as_str() == text)
    }
}

/// The tenant of every dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Id.
    pub id: OrganizationId,
    /// Name for people.
    pub name: String,
    /// Plan.
    pub plan: Plan,
    /// Whether its studies need no payment (openscouter 1.3).
    pub billing_exempt: bool,
    /// Creation time.
    pub created_at: OffsetDateTime,
}
