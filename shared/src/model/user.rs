//! Users: the people behind every dialect (outsend 6.1).

use time::OffsetDateTime;
use url::Host;

use super::{FamilyId, Locale, Organization, OrganizationId, Plan, RefreshTokens, UserId};
use crate::{
    names,
    password::PasswordHash,
    secret::{HandleKey, sha256_hex},
};

/// An e-mail address as it is compared: trimmed, in lower case, and with its domain in punycode.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Most characters of an address.
    pub const LONGEST: usize = 254;

    /// Reads an address that an account is to have, in the syntax of outsend 11.4; one with characters that show nothing is
    /// none.
    #[must_use]
    pub fn chosen(text: &str) -> Option<Self> {
        let address = Self::parse(text)?;
        let (local, domain) = address.0.split_once('@')?;
        let mark = |byte: u8| b".!#$%&'*+/=?^_{}~-".contains(&byte);
        let plain = local.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || mark(byte));
        let top = domain.rsplit('.').next()?;
        let named = top.starts_with("xn--") || top.bytes().all(|byte| byte.is_ascii_alphabetic());
        let short = domain.split('.').all(|label| label.len() <= 63);
        (plain && named && short).then_some(address)
    }

    /// Whether a text is this address, however it is written.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        Self::parse(text).is_some_and(|address| address == *self)
    }

    /// Reads an address: `local@domain`, one `@`, neither spaces nor characters that show nothing, a dot in the domain.
    /// Accounts of before can have one that [`Self::chosen`] does not take.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let (local, domain) = text.split_once('@')?;
        // a variation of what is there looks like it
        if text.chars().any(|c| {
            names::is_invisible(c)
                || matches!(c, '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
        }) {
            return None;
        }
        // one mailbox has one form, however its domain is written
        let named_in_unicode = !domain.is_ascii() || domain.split('.').any(|label| label.starts_with("xn--"));
        let odd = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.');
        let domain = if named_in_unicode {
            // the parser would also decode percent signs
            match Host::parse(domain).ok().filter(|_| !domain.contains(odd))? {
                Host::Domain(domain) => domain,
                Host::Ipv4(_) | Host::Ipv6(_) => return None,
            }
        } else {
            domain.to_owned()
        };
        let text = format!("{local}@{domain}");
        let (local, _) = text.split_once('@')?;
        let labels = domain.split('.').collect::<Vec<_>>();
        let domain_is_one = labels.len() > 1
            && labels.iter().all(|label| {
                !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            });
        let local_is_one = (1..=64).contains(&local.chars().count())
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && !local.chars().any(|c| c.is_whitespace() || c.is_control() || "\"(),:;<>@[\\]".contains(c));
        (local_is_one && domain_is_one && text.chars().count() <= Self::LONGEST).then_some(Self(text))
    }

    /// An address as somebody types it to sign in: what is none is looked up like one that nobody has.
    #[must_use]
    pub fn typed(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self(text.trim().to_lowercase()))
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

/// What a person does (openscouter 1.1, 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Commissions studies; whoever signs up at Outsend has it.
    Business,
    /// Runs tests.
    Tester,
    /// Platform staff; made by the operator only.
    Admin,
}

impl Role {
    /// The stored and shown name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Business => "business",
            Self::Tester => "tester",
            Self::Admin => "admin",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Business, Self::Tester, Self::Admin].into_iter().find(|role| role.as_str() == text)
    }
}

/// Where an account stands (openscouter 3.7); it follows from what is known of the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not verified, or a tester who has not passed the quiz.
    Pending,
    /// May do all that the role may do.
    Active,
    /// Every credential is refused.
    Suspended,
}

impl Standing {
    /// All, in the contract's order (openscouter 6.1).
    pub const ALL: [Self; 3] = [Self::Active, Self::Suspended, Self::Pending];

    /// Reads a shown name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.as_str() == text)
    }

    /// The shown name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

/// Who signed up with the address of an unconfirmed account after the one that made it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rivals {
    /// How many, in both dialects.
    pub sign_ups: u64,
    /// How many of them were refused, and so got no link of their own (Outsend).
    pub refused: u64,
}

impl Rivals {
    /// One more, which got a link of its own.
    #[must_use]
    pub const fn with_one(self) -> Self {
        Self { sign_ups: self.sign_ups + 1, ..self }
    }

    /// One more, which was refused.
    #[must_use]
    pub const fn with_one_refused(self) -> Self {
        Self { sign_ups: self.sign_ups + 1, refused: self.refused + 1 }
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
    /// What the person does.
    pub role: Role,
    /// Whether the qualification quiz was passed (testers; openscouter 3.7).
    pub qualified: bool,
    /// Percent of the attempt that passed.
    pub capacity_score: Option<u32>,
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
    /// Counts the times that all sign-ins were ended. What an older one opened is dead: sessions, refresh tokens and
    /// access tokens, one-time tokens of all kinds, and what is half done at the OAuth server (outsend 4.4, openscouter
    /// 3.3).
    pub generation: u64,
    /// Counts the times that all keys, API tokens, test tokens and connections were ended; one of an older count is
    /// dead.
    pub credential_generation: u64,
    /// Who else signed up with the address while nobody had confirmed it.
    pub rivals: Rivals,
    /// Creation time.
    pub created_at: OffsetDateTime,
    /// Counts changes; every write is conditional on it.
    pub version: u64,
}

impl User {
    /// A new user: not verified, active, without a password, with mails in English.
    #[must_use]
    pub fn new(
        (id, number): (UserId, u64),
        email: Email,
        name: String,
        role: Role,
        organization: OrganizationId,
        created_at: OffsetDateTime,
    ) -> Self {
        Self {
            id,
            number,
            email,
            name,
            role,
            qualified: false,
            capacity_score: None,
            password: None,
            verified: false,
            active: true,
            locale: Locale::En,
            organization,
            generation: 0,
            credential_generation: 0,
            rivals: Rivals::default(),
            created_at,
            version: 1,
        }
    }

    /// Lifts a suspension, or suspends: then its sign-ins end. Whether that changes anything.
    pub fn set_active(&mut self, active: bool) -> bool {
        let changes = self.active != active;
        self.active = active;
        if changes && !active {
            self.end_sign_ins();
        }
        changes
    }

    /// Ends every sign-in, every one-time token and what is half done at the OAuth server.
    pub const fn end_sign_ins(&mut self) {
        self.generation += 1;
    }

    /// Ends every sign-in, and every key, API token, test token and connection.
    pub const fn end_credentials(&mut self) {
        self.end_sign_ins();
        self.credential_generation += 1;
    }

    /// Whoever acts has the address. The first time, everything ends that somebody made before: nobody knew whose the
    /// account was.
    pub fn confirm(&mut self) {
        if !self.verified {
            self.verified = true;
            self.rivals = Rivals::default();
            self.end_credentials();
        }
    }

    /// Whoever has the address came in without a password: the one of an unconfirmed account is nobody's known.
    pub fn confirm_without_password(&mut self) {
        if !self.verified {
            self.password = None;
        }
        self.confirm();
    }

    /// Sets a password for whoever has the address: every sign-in ends, and every key, token and connection with
    /// `revoke`.
    pub fn reset_password(&mut self, password: PasswordHash, revoke: bool) {
        self.password = Some(password);
        self.end_sign_ins();
        self.confirm();
        if revoke {
            self.end_credentials();
        }
    }

    /// Where the account stands (openscouter 3.7).
    #[must_use]
    pub const fn standing(&self) -> Standing {
        if !self.active {
            return Standing::Suspended;
        }
        let ready = match self.role {
            Role::Business => self.verified,
            Role::Tester => self.verified && self.qualified,
            Role::Admin => true,
        };
        if ready { Standing::Active } else { Standing::Pending }
    }
}

/// A sign-in of OpenScouter: the refresh tokens that follow from one another (openscouter 3.3), and
/// the access tokens that were made with them. It ends as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// Id; every token of the family carries it.
    pub id: FamilyId,
    /// Whose it is.
    pub user: UserId,
    /// The user's organization.
    pub organization: OrganizationId,
    /// The user's generation at the sign-in.
    pub generation: u64,
    /// The refresh tokens that work.
    pub refresh: RefreshTokens,
    /// What marks the refresh tokens that were issued; families of before have none until they rotate.
    pub mark: Option<HandleKey>,
    /// Time of the sign-in.
    pub created_at: OffsetDateTime,
    /// When the current refresh token stops working.
    pub expires_at: OffsetDateTime,
    /// Counts rotations; every write is conditional on it.
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
    /// The user's count of ended credentials at the creation.
    pub generation: u64,
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

    /// Whether the key was not ended with all others of `user`, whose it is.
    #[must_use]
    pub const fn lives_for(&self, user: &User) -> bool {
        self.generation == user.credential_generation
    }
}

/// A user with the organization: all that a request's checks need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: User,
    /// The user's organization. A tester and an admin have one, too, which only the other dialects show.
    pub organization: Organization,
}

impl Account {
    /// The plan that the caller's limits follow (openscouter 2.8, 3.2): testers are on the free one, admins on the other.
    #[must_use]
    pub const fn plan(&self) -> Plan {
        match self.user.role {
            Role::Business => self.organization.plan,
            Role::Tester => Plan::Free,
            Role::Admin => Plan::Pro,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(Email::parse("  Dana.Roe+x@Example.COM ").unwrap().as_str(), "dana.roe+x@example.com");
        assert_eq!(Email::parse("dana@example.com").unwrap().local_part(), "dana");
        for mailbox in [
            "hans@b\u{fc}cher.example",
            "Hans@BU\u{308}CHER.example",
            "hans@xn--bcher-kva.example",
            "hans@b\u{fc}cher\u{3002}example",
        ] {
            assert!(Email::parse("hans@b\u{fc}cher.example").unwrap().is(mailbox), "{mailbox}");
            assert_eq!(Email::parse(mailbox).unwrap().as_str(), "hans@xn--bcher-kva.example", "{mailbox}");
        }
        let long = format!("a@{}.com", "x".repeat(250));
        for wrong in [
            "",
            "a",
            "a@b",
            "@b.c",
            "a@",
            "a b@c.d",
            "a@b@c.d",
            "a@.d",
            "a@b..c",
            ".a@b.c",
            "a@-b.c",
            "a\n@b.c",
            "a\u{200b}@b.c",
            "a@b\u{3164}.c",
            "a@\u{e9}%2ecom",
            "a@\u{e9}@b.com",
            "a@xn--\u{e9}.com",
            "a@xn--.com",
            "a@\u{ff11}27.0.0.1",
            &long,
        ] {
            assert_eq!(Email::parse(wrong), None, "{wrong:?}");
        }
    }
}
