//! Participants' sessions on a study's link (outset 14).

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime};

use super::{OrganizationId, StudyId};

/// An anonymous participant's session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParticipantSession {
    /// Hash of the session's token.
    pub token_hash: String,
    /// The study.
    pub study: StudyId,
    /// The study's organization.
    pub organization: OrganizationId,
    /// `outset_survey_uid` of the visit, when it had one.
    pub uid: Option<String>,
    /// Query parameters of the visit.
    pub metadata: BTreeMap<String, String>,
    /// When the visit began.
    pub started_at: OffsetDateTime,
    /// When the participant finished.
    pub completed_at: Option<OffsetDateTime>,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// Running.
    Running,
    /// Finished.
    Finished,
    /// Never finished, and too old to be.
    Expired,
}

impl ParticipantSession {
    /// How long an unfinished session lives (outset 14.1).
    pub const LIFE: Duration = Duration::hours(24);

    /// Where the session stands at `now`.
    #[must_use]
    pub fn state_at(&self, now: OffsetDateTime) -> SessionState {
        if self.completed_at.is_some() {
            SessionState::Finished
        } else if now - self.started_at >= Self::LIFE {
            SessionState::Expired
        } else {
            SessionState::Running
        }
    }
}
