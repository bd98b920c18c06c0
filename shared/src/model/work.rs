//! Work that outlives a request.

use super::Email;

/// What is to be done; so far mails, named for what they say (outsend 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkKind {
    /// Welcome, with the link that verifies the address.
    Welcome,
    /// The link that verifies the address, again.
    Verify,
    /// The link that sets a new password.
    Reset,
    /// The password was changed.
    PasswordChanged,
    /// Somebody tried to sign up with the address of an account.
    AddressTaken,
}

impl WorkKind {
    const ALL: [Self; 5] = [Self::Welcome, Self::Verify, Self::Reset, Self::PasswordChanged, Self::AddressTaken];

    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Welcome => "mail.welcome",
            Self::Verify => "mail.verify",
            Self::Reset => "mail.reset",
            Self::PasswordChanged => "mail.password_changed",
            Self::AddressTaken => "mail.address_taken",
        }
    }

    /// Reads a stored name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The token that the mail carries, if it carries one.
    #[must_use]
    pub const fn token(self) -> Option<TokenKind> {
        match self {
            Self::Welcome | Self::Verify => Some(TokenKind::Verify),
            Self::Reset => Some(TokenKind::Reset),
            Self::PasswordChanged | Self::AddressTaken => None,
        }
    }
}

/// One piece of work. It names an address and no secret: a token is made when the mail is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// ULID.
    pub id: String,
    /// What is to be done.
    pub kind: WorkKind,
    /// Whom it concerns.
    pub email: Email,
    /// How often it was taken up.
    pub attempt: u32,
}

/// What a one-time token is for (outsend 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Verifies an address; valid 48 hours.
    Verify,
    /// Sets a new password; valid 1 hour.
    Reset,
}

impl TokenKind {
    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
        }
    }

    /// Reads a stored name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Verify, Self::Reset].into_iter().find(|kind| kind.as_str() == text)
    }

    /// How long a token is valid.
    #[must_use]
    pub const fn lifetime(self) -> time::Duration {
        match self {
            Self::Verify => time::Duration::hours(48),
            Self::Reset => time::Duration::hours(1),
        }
    }
}
