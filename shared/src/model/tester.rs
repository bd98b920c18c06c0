//! Testers as lists and matching see them (openscouter 14.1, 17).

use time::OffsetDateTime;

use super::{Candidate, Email, Ratings, Standing, UserId};

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
