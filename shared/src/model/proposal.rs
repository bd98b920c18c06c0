//! Proposals: a study is offered to a tester (openscouter 5.3, 14.1).

use time::{Duration, OffsetDateTime};

use super::{MatchScore, OrganizationId, ProposalId, Study, StudyId, UserId};

/// How long a tester may answer.
const ANSWER_TIME: Duration = Duration::hours(72);

/// Where a proposal stands (openscouter 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProposalStatus {
    /// Made; the tester does not know of it.
    Pending,
    /// The tester may answer.
    Sent,
    /// The tester takes part.
    Accepted,
    /// The tester does not.
    Declined,
    /// Nobody answered in time, or the study ended.
    Expired,
}

impl ProposalStatus {
    /// All, in the contract's order.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Sent, Self::Accepted, Self::Declined, Self::Expired];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Expired => "expired",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether the tester is taken by it: at most one such proposal of a study and a tester.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Sent | Self::Accepted)
    }
}

/// A proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Id.
    pub id: ProposalId,
    /// The study.
    pub study: StudyId,
    /// Whose study.
    pub organization: OrganizationId,
    /// To whom.
    pub tester: UserId,
    /// Where it stands.
    pub status: ProposalStatus,
    /// How well the tester fitted when it was made.
    pub score: MatchScore,
    /// Creation time.
    pub created_at: OffsetDateTime,
    /// When the tester was told.
    pub sent_at: Option<OffsetDateTime>,
    /// Until when the tester may answer.
    pub expires_at: Option<OffsetDateTime>,
    /// When the tester answered.
    pub responded_at: Option<OffsetDateTime>,
    /// Counts changes; every write is conditional on it.
    pub version: u64,
}

impl Proposal {
    /// A new one; with `send` the tester is told at once.
    #[must_use]
    pub fn new(study: &Study, tester: UserId, score: MatchScore, send: bool, now: OffsetDateTime) -> Self {
        Self {
            id: ProposalId::at(now),
            study: study.id,
            organization: study.organization,
            tester,
            status: if send { ProposalStatus::Sent } else { ProposalStatus::Pending },
            score,
            created_at: now,
            sent_at: send.then_some(now),
            expires_at: send.then_some(now + ANSWER_TIME),
            responded_at: None,
            version: 1,
        }
    }

    /// Where it stands at `now`: who has not answered in time cannot any more, whether that was noted or not.
    #[must_use]
    pub fn status_at(&self, now: OffsetDateTime) -> ProposalStatus {
        let over = self.expires_at.is_some_and(|end| now >= end);
        if self.status == ProposalStatus::Sent && over { ProposalStatus::Expired } else { self.status }
    }

    /// The same, as the tester is told of it.
    #[must_use]
    pub fn sent(&self, now: OffsetDateTime) -> Self {
        let (sent_at, expires_at) = (Some(now), Some(now + ANSWER_TIME));
        Self { sent_at, expires_at, ..self.moved_to(ProposalStatus::Sent, now) }
    }

    /// Until when a tester may answer who is told at `now`.
    #[must_use]
    pub fn answerable_until(now: OffsetDateTime) -> OffsetDateTime {
        now + ANSWER_TIME
    }

    /// The same, in another state; an answer of the tester's has its time.
    #[must_use]
    pub fn moved_to(&self, status: ProposalStatus, now: OffsetDateTime) -> Self {
        let answered = matches!(status, ProposalStatus::Accepted | ProposalStatus::Declined);
        let responded_at = if answered { Some(now) } else { self.responded_at };
        Self { status, responded_at, version: self.version + 1, ..self.clone() }
    }
}
