//! Approvals of a study's agents (openscouter 12.4, 17).

use time::OffsetDateTime;

use super::{ApprovalId, StudyId, UserId};

/// An admin's approval: agents 2 to 4 may work on a study for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Id.
    pub id: ApprovalId,
    /// The study.
    pub study: StudyId,
    /// Who approved.
    pub approved_by: UserId,
    /// Why.
    pub reason: Option<String>,
    /// From when on.
    pub created_at: OffsetDateTime,
    /// Until when.
    pub expires_at: OffsetDateTime,
    /// When it was withdrawn.
    pub revoked_at: Option<OffsetDateTime>,
}
