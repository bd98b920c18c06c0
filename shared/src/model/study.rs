//! Studies and their state machine (outset 6, openscouter 5.1, 9).

use serde::{Deserialize, Serialize};
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

/// A thing that a participant is asked to do. Other dialects know its title alone (openscouter 9.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Wire id; a task that was made elsewhere has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// What to do.
    pub title: String,
    /// How.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// When it counts as done.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub success_criteria: String,
    /// Its place, from 1; 0 means where it stands.
    #[serde(default)]
    pub order: u64,
}

impl Task {
    /// A task with nothing but a title.
    #[must_use]
    pub fn titled(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }
}

/// Whom a study looks for (openscouter 9.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Targeting {
    /// ISO 3166-1 alpha-2.
    pub countries: Vec<String>,
    /// `None` means any.
    pub age_range: Option<AgeRange>,
    /// Empty means any.
    pub devices: Vec<String>,
    /// ISO 639-1; empty means any.
    pub languages: Vec<String>,
    /// Places.
    pub tester_count: u32,
    /// Empty means any.
    pub nd_categories: Vec<String>,
}

impl Default for Targeting {
    fn default() -> Self {
        Self {
            countries: Vec::new(),
            age_range: None,
            devices: Vec::new(),
            languages: Vec::new(),
            tester_count: 10,
            nd_categories: Vec::new(),
        }
    }
}

/// Years, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgeRange {
    /// The youngest.
    pub min: u32,
    /// The oldest.
    pub max: u32,
}

/// A comparison of two variants (openscouter 9.1, 10.3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AbTest {
    /// Whether variants are assigned.
    pub enabled: bool,
    /// `A`, then `B`.
    pub variants: Vec<Variant>,
    /// Parts of the sessions; their sum is 1.
    pub split_ratio: SplitRatio,
}

/// A side of a comparison (openscouter 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VariantLabel {
    /// `A`
    A,
    /// `B`
    B,
}

impl VariantLabel {
    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::A, Self::B].into_iter().find(|label| label.as_str() == text)
    }
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// `A` or `B`.
    pub label: String,
    /// What is different.
    pub description: String,
}

/// Parts of the sessions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SplitRatio {
    /// Of variant `A`.
    #[serde(rename = "A")]
    pub a: f64,
    /// Of variant `B`.
    #[serde(rename = "B")]
    pub b: f64,
}

impl Default for SplitRatio {
    fn default() -> Self {
        Self { a: 0.5, b: 0.5 }
    }
}

/// What a tester is paid (openscouter 9.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compensation {
    /// ISO 4217.
    pub currency: String,
    /// Major units.
    pub amount: f64,
    /// Always `flat`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// How sessions run (openscouter 9.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StudySettings {
    /// Whether testers must comment.
    pub require_think_aloud: bool,
    /// Whether interaction is taken in.
    pub record_screen: bool,
    /// Whether facial snapshots are taken in.
    pub record_facial: bool,
    /// Whether voice is taken in.
    pub record_voice: bool,
    /// Longest session, in minutes.
    pub max_duration_minutes: u32,
    /// When who accepted is reminded, in hours.
    pub reminder_after_hours: u32,
}

impl Default for StudySettings {
    fn default() -> Self {
        Self {
            require_think_aloud: false,
            record_screen: true,
            record_facial: true,
            record_voice: true,
            max_duration_minutes: 60,
            reminder_after_hours: 24,
        }
    }
}

/// Where a study's payment stands (openscouter 5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payment {
    /// Nothing was paid.
    #[default]
    Unpaid,
    /// A checkout is open.
    Pending,
    /// Paid.
    Paid,
    /// The organization need not pay.
    Exempt,
}

impl Payment {
    /// Whether nothing is left to pay.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Paid | Self::Exempt)
    }

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unpaid => "unpaid",
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Exempt => "exempt",
        }
    }
}

/// What OpenScouter alone knows of a study (openscouter 9.1, 9.2). A study that was made elsewhere has the defaults,
/// and what another dialect changes leaves this untouched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// The objective; testers never see it.
    pub description: String,
    /// `figma`, `invision`, `marvel` or `url`.
    pub prototype_type: Option<String>,
    /// Whom it looks for.
    pub targeting: Targeting,
    /// The comparison, if there is one.
    pub ab_test: Option<AbTest>,
    /// What testers are paid.
    pub compensation: Option<Compensation>,
    /// How sessions run.
    pub settings: StudySettings,
    /// Where the payment stands.
    pub payment: Payment,
    /// When it was launched, in seconds since the Unix epoch.
    pub launched_at: Option<i64>,
    /// When it was closed, in seconds since the Unix epoch.
    pub closed_at: Option<i64>,
    /// Of its report.
    pub accessibility_score: Option<u32>,
}

/// A study, shared by all dialects.
#[derive(Clone, Debug, PartialEq)]
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
    /// What OpenScouter alone knows.
    pub details: Details,
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

    /// The study after its launch at `now`. What an organization that is `exempt` from billing did not pay, it need not
    /// pay (openscouter 5.1).
    #[must_use]
    pub fn launched(&self, exempt: bool, now: OffsetDateTime) -> Self {
        let mut next = self.moved_to(Status::Open, now);
        if exempt && next.details.payment != Payment::Paid {
            next.details.payment = Payment::Exempt;
        }
        next
    }

    /// What a launch waits for, if the study is not complete: the first field that is missing (openscouter 9.4).
    #[must_use]
    pub fn missing_for_launch(&self) -> Option<&'static str> {
        let details = &self.details;
        let complete = [
            ("description", !details.description.is_empty()),
            ("tasks", !self.tasks.is_empty()),
            ("targeting.countries", !details.targeting.countries.is_empty()),
            ("compensation", details.compensation.is_some()),
        ];
        complete.iter().find(|(_, there)| !there).map(|(name, _)| *name)
    }

    /// The study after its payment was confirmed at `now`: a draft that is complete is launched by it (openscouter 5.1).
    #[must_use]
    pub fn paid_for(&self, now: OffsetDateTime) -> Self {
        let launches = self.status == Status::Draft && self.missing_for_launch().is_none();
        let mut next = if launches { self.launched(false, now) } else { self.changed_at(now) };
        next.details.payment = Payment::Paid;
        next
    }

    /// The study after a checkout that came to nothing: what was pending is unpaid again.
    #[must_use]
    pub fn unpaid(&self, now: OffsetDateTime) -> Self {
        let mut next = self.changed_at(now);
        next.details.payment = Payment::Unpaid;
        next
    }

    /// The study after moving to `status` at `now`.
    #[must_use]
    pub fn moved_to(&self, status: Status, now: OffsetDateTime) -> Self {
        let paused_from = (status == Status::Paused).then_some(self.status);
        let mut next = Self { status, paused_from, ..self.changed_at(now) };
        if status.is_active() {
            next.details.launched_at.get_or_insert(now.unix_timestamp());
        }
        if status == Status::Closed {
            next.details.closed_at = Some(now.unix_timestamp());
        }
        next
    }

    /// The study as changed at `now`: later than before, whatever the clock says.
    #[must_use]
    pub fn changed_at(&self, now: OffsetDateTime) -> Self {
        let next = self.updated_at + time::Duration::microseconds(1);
        Self { updated_at: now.max(next), version: self.version + 1, ..self.clone() }
    }
}
