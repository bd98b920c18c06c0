//! Consents of testers (openscouter 18, 21).

use time::OffsetDateTime;

/// What a tester consents to (openscouter 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentKind {
    /// Running tests.
    Testing,
    /// Keeping and using special-category data.
    SpecialCategory,
}

impl ConsentKind {
    /// All, in the contract's order.
    pub const ALL: [Self; 2] = [Self::Testing, Self::SpecialCategory];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Testing => "testing",
            Self::SpecialCategory => "special_category",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// To what.
    pub kind: ConsentKind,
    /// To which version of the text.
    pub version: String,
    /// When it was given.
    pub given_at: OffsetDateTime,
    /// When it was withdrawn.
    pub revoked_at: Option<OffsetDateTime>,
}

impl Consent {
    /// Whether it holds for this version of the text.
    #[must_use]
    pub fn holds(&self, version: &str) -> bool {
        self.revoked_at.is_none() && self.version == version
    }
}
