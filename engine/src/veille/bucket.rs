//! The buckets of a diff (outsend 15.4).

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bucket {
    /// Its key is only there now.
    New,
    /// Its key was only there before.
    Closed,
    /// Its key is in both, and one of its values changed.
    Modified,
}

impl Bucket {
    /// All, in the contract's order.
    pub const ALL: [Self; 3] = [Self::New, Self::Closed, Self::Modified];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Closed => "closed",
            Self::Modified => "modified",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}
