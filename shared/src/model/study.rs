//! Studies and their state machine (outset 6).

use time::OffsetDateTime;

use super::{OrganizationId, StudyId};

/// Where a study stands (outset 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Not launched.
    Draft,
    /// Launched, nobody came yet.
    Open,
    /// Launched, participants came.
    InProgress,
    /// No new participants.
    Paused,
    /// Done.
    Completed,
    /// Ended early; final.
    Closed,
}

impl Status {
    /// All, in the contract's order.
    pub const ALL: [Self; 6] = [Self::Draft, Self::Open, Self::InProgress, Self::Paused, Self::Completed, Self::Closed];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::InProgress => "in_progress",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Closed => "closed",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// What `active` reads in this state (outset 6.2).
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Open | Self::InProgress)
    }
}

/// A thing that a participant is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Task {
    /// What to do.
    pub title: String,
}

/// A study, shared by all dialects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Study {
    /// Id.
    pub id: StudyId,
    /// Owner.
    pub organization: OrganizationId,
    /// Name.
    pub name: String,
    /// State.
    pub status: Status,
    /// The active state that a pause left (outset 6.2).
    pub paused_from: Option<Status>,
    /// Where participants go when they are done.
    pub completion_url: Option<String>,
    /// What participants test.
    pub target_url: Option<String>,
    /// What participants are asked to do.
    pub tasks: Vec<Task>,
    /// Creation time.
    pub created_at: OffsetDateTime,
    /// Time of the last change.
    pub updated_at: OffsetDateTime,
    /// Counts the changes: the store's condition for a write that rests on what was read.
    pub version: u64,
}

/// What writing `active` does (outset 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing to do.
    Unchanged,
    /// The study moves to this state; a pause remembers the state that it left.
    MoveTo(Status),
}

/// Why `active` cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActivationRefused {
    /// A draft without tasks.
    #[error("This study is not ready to launch: it has no tasks.")]
    NoTasks,
    /// A study that ended.
    #[error("A completed or closed study cannot be activated.")]
    Ended,
}

impl Study {
    /// What writing `active` would do, by the table of outset 6.2.
    ///
    /// # Errors
    /// When the table refuses it.
    pub fn activation(&self, active: bool) -> Result<Activation, ActivationRefused> {
        match (self.status, active) {
            (Status::Draft, true) if self.tasks.is_empty() => Err(ActivationRefused::NoTasks),
            (Status::Draft, true) => Ok(Activation::MoveTo(Status::Open)),
            (Status::Open | Status::InProgress, false) => Ok(Activation::MoveTo(Status::Paused)),
            (Status::Paused, true) => {
                Ok(Activation::MoveTo(self.paused_from.filter(|status| status.is_active()).unwrap_or(Status::Open)))
            }
            (Status::Completed | Status::Closed, true) => Err(ActivationRefused::Ended),
            (Status::Open | Status::InProgress, true)
            | (Status::Draft | Status::Paused | Status::Completed | Status::Closed, false) => Ok(Activation::Unchanged),
        }
    }

    /// The study after moving to `status` at `now`.
    #[must_use]
    pub fn moved_to(&self, status: Status, now: OffsetDateTime) -> Self {
        let paused_from = (status == Status::Paused).then_some(self.status);
        Self { status, paused_from, ..self.changed_at(now) }
    }

    /// The study as changed at `now`: later than before, whatever the clock says.
    #[must_use]
    pub fn changed_at(&self, now: OffsetDateTime) -> Self {
        let next = self.updated_at + time::Duration::microseconds(1);
        Self { updated_at: now.max(next), version: self.version + 1, ..self.clone() }
    }
}
