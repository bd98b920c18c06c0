//! Testers as lists and matching see them (openscouter 14.1, 17).

use time::OffsetDateTime;

use super::{Candidate, Email, Standing, UserId};

/// What businesses said of a tester's sessions (openscouter 10.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ratings {
    /// Of all ratings, each 1 to 5.
    pub sum: u64,
    /// How many.
    pub count: u64,
}

impl Ratings {
    /// The mean in tenths, halves up; `None` of a tester whom nobody rated.
    #[must_use]
    pub fn mean_tenths(self) -> Option<u32> {
        let doubled = (self.sum * 20 + self.count).checked_div(2 * self.count)?;
        u32::try_from(doubled).ok()
    }
}

/// What is known of a tester, from all that says something of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tester {
    /// Id.
    pub id: UserId,
    /// Address; for the staff alone.
    pub email: Email,
    /// Name; others see a part of it.
    pub name: String,
    /// Creation time of the account.
    pub created_at: OffsetDateTime,
    /// Where the account stands.
    pub standing: Standing,
    /// Sessions that came to an end.
    pub completed_sessions: u32,
    /// What businesses said.
    pub ratings: Ratings,
    /// What matching goes by.
    pub candidate: Candidate,
}
