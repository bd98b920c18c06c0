//! Users: the people behind every dialect (outsend 6.1).

use time::OffsetDateTime;

use super::{OrganizationId, Plan, UserId};
use crate::{password::PasswordHash, secret::sha256_hex};

/// Language of a user's mails (outsend 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locale {
    /// English.
    En,
    /// French.
    Fr,
}

impl Locale {
    /// The stored and shown name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::En, Self::Fr].into_iter().find(|locale| locale.as_str() == text)
    }
}

/// An e-mail address as it is compared: trimmed and in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Most characters of an address.
    pub const LONGEST: usize = 254;

    /// Reads an address: `local@domain`, one `@`, neither spaces nor control characters, a dot in the domain.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let (local, domain) = text.split_once('@')?;
        let labels = domain.split('.').collect::<Vec<_>>();
        let domain_is_one = labels.len() > 1
            && labels.iter().all(|label| {
                !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            });
        let local_is_one = (1..=64).contains(&local.chars().count())
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && !local.chars().any(|c| c.is_whitespace() || c.is_control() || "\"(),:;<>@[\\]".contains(c));
        (local_is_one && domain_is_one && text.chars().count() <= Self::LONGEST).then_some(Self(text))
    }

    /// Reads a stored address back.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.split_once('@').map_or(&*self.0, |(local, _)| local)
    }

    /// SHA-256 in hex: what keys of the store carry in place of the address.
    #[must_use]
    pub fn hash(&self) -> String {
        sha256_hex(self.0.as_bytes())
    }
}

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Id in the store, and the base of the id that OpenScouter shows.
    pub id: UserId,
    /// Number that Outsend shows: from one counter, never used again (outsend 2.2).
    pub number: u64,
    /// Address; unique over all users.
    pub email: Email,
    /// Name for people.
    pub name: String,
    /// Hash of the password; `None` when the user signs in through another provider only.
    pub password: Option<PasswordHash>,
    /// Whether the address was confirmed.
    pub verified: bool,
    /// Whether the account is neither deactivated nor suspended.
    pub active: bool,
    /// Language of mails.
    pub locale: Locale,
    /// The organization that the user belongs to: the tenant of every dialect.
    pub organization: OrganizationId,
    /// Counts the times that all sessions were ended; a session of an older generation is dead.
    pub generation: u64,
    /// Creation time.
    pub created_at: OffsetDateTime,
    /// Counts changes; every write is conditional on it.
    pub version: u64,
}

/// A browser session (outsend 4.1); the cookie's value is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the cookie's value, in hex.
    pub hash: String,
    /// Whose it is.
    pub user: UserId,
    /// The user's organization.
    pub organization: OrganizationId,
    /// The user's generation when the session began.
    pub generation: u64,
    /// When it began.
    pub created_at: OffsetDateTime,
    /// When it ends; moved by use.
    pub expires_at: OffsetDateTime,
}

/// An API key of the Outsend dialect (outsend 4.3, 6.5); the key itself is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserKey {
    /// Id: `key_` and a ULID.
    pub id: String,
    /// SHA-256 of the whole key, in hex.
    pub hash: String,
    /// First 12 characters of the key, for display.
    pub prefix: String,
    /// Name for people.
    pub name: String,
    /// Whose it is.
    pub user: UserId,
    /// The user's organization.
    pub organization: OrganizationId,
    /// May use GET.
    pub reads: bool,
    /// May use every other method.
    pub writes: bool,
    /// Creation time.
    pub created_at: OffsetDateTime,
    /// When it stops working, if ever.
    pub expires_at: Option<OffsetDateTime>,
    /// Last use, to the minute.
    pub last_used_at: Option<OffsetDateTime>,
}

impl UserKey {
    /// Whether the key works at `now`.
    #[must_use]
    pub fn works_at(&self, now: OffsetDateTime) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// A user with what the organization pays for and is called: all that a request's checks need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: User,
    /// Name of the user's organization.
    pub organization_name: String,
    /// Plan of the user's organization.
    pub plan: Plan,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(Email::parse("  Dana.Roe+x@Example.COM ").unwrap().as_str(), "dana.roe+x@example.com");
        assert_eq!(Email::parse("dana@example.com").unwrap().local_part(), "dana");
        let long = format!("a@{}.com", "x".repeat(250));
        for wrong in
            ["", "a", "a@b", "@b.c", "a@", "a b@c.d", "a@b@c.d", "a@.d", "a@b..c", ".a@b.c", "a@-b.c", "a\n@b.c", &long]
        {
            assert_eq!(Email::parse(wrong), None, "{wrong:?}");
        }
    }
}
