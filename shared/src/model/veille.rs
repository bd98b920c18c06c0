//! Veilles and their runs (outsend 15). When one runs is its [`Schedule`]'s to say.

use time::OffsetDateTime;

use super::{JobId, OrganizationId, PipelineId, RunState, Schedule, ScheduleStatus, UserId, WorkItem, WorkKind};

/// What a veille runs again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VeilleSource {
    /// A search for places, by the template that was copied from the job.
    Job(JobId),
    /// A pipeline.
    Pipeline(PipelineId),
}

/// A veille: a source that runs on a schedule, each time compared with the last time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Veille {
    /// Its id, from 1 over all users (outsend 2.2).
    pub id: u64,
    /// Its owner.
    pub user: UserId,
    /// The owner's organization.
    pub organization: OrganizationId,
    /// Its name.
    pub name: String,
    /// What runs.
    pub source: VeilleSource,
    /// When it runs.
    pub schedule: Schedule,
    /// Runs that were started: also the number of the last one.
    pub runs: u64,
    /// Runs that succeeded.
    pub successes: u64,
    /// When the last one that succeeded ended.
    pub last_success_at: Option<OffsetDateTime>,
    /// Its final job.
    pub last_success_job: Option<JobId>,
    /// The run whose rows the next one is compared with; 0 is the source.
    pub snapshot: u64,
    /// Where it stands among the veilles that are due; `None` when it never is.
    pub due_at: Option<OffsetDateTime>,
    /// Increases with each write.
    pub version: u64,
}

impl Veille {
    /// Whether it is shown in the list (outsend 15.2).
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.schedule.status != ScheduleStatus::Deleted
    }

    /// Whether a run can still be compared with its snapshot.
    #[must_use]
    pub fn needs_snapshot(&self) -> bool {
        self.is_listed() || self.schedule.last_run.is_some_and(|run| run.state == RunState::Active)
    }

    /// The veille with another schedule, of the next version, and due when that says.
    #[must_use]
    pub fn scheduled(&self, schedule: Schedule) -> Self {
        Self { due_at: schedule.due(), schedule, version: self.version + 1, ..self.clone() }
    }

    /// The run that a tick at `now` starts by the veille's schedule, which has counted it already.
    #[must_use]
    pub fn run(&self, now: OffsetDateTime) -> Option<VeilleRun> {
        let last = self.schedule.last_run.filter(|run| run.state == RunState::Active)?;
        Some(VeilleRun::new(self.id, self.runs, last.slot, now))
    }

    /// The veille when its run `ended`.
    #[must_use]
    pub fn after(&self, ended: &VeilleRun) -> Self {
        let mut next = self.scheduled(self.schedule.ended(ended.status == VeilleRunStatus::Failed));
        if ended.status == VeilleRunStatus::Done {
            next.successes += 1;
            next.last_success_at = ended.completed_at;
            next.last_success_job = ended.job;
            next.snapshot = ended.number;
        }
        next
    }
}

/// Where a run stands (outsend 15.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VeilleRunStatus {
    /// Nothing of it has left its queue.
    Pending,
    /// It runs, or is compared.
    Running,
    /// It was compared, and the next run will be compared with it.
    Done,
    /// It could not start, or it or its comparison failed.
    Failed,
    /// Its job or pipeline was cancelled.
    Cancelled,
}

impl VeilleRunStatus {
    const ALL: [Self; 5] = [Self::Pending, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether something of the run is still to come.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Pending | Self::Running)
    }
}

/// How many rows a comparison found of each kind (outsend 15.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VeilleCounts {
    /// Only there now.
    pub new: u64,
    /// Only there before.
    pub closed: u64,
    /// In both, and changed.
    pub modified: u64,
    /// In both, and the same.
    pub unchanged: u64,
}

/// A run of a veille. The one with the number 0 is its source, which is compared with nothing and never shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VeilleRun {
    /// The veille.
    pub veille: u64,
    /// Its number, from 1.
    pub number: u64,
    /// Where it stands.
    pub status: VeilleRunStatus,
    /// The final job: of a search for places its own, of a pipeline's run the last one, once it is known.
    pub job: Option<JobId>,
    /// The pipeline's run.
    pub pipeline: Option<(PipelineId, u64)>,
    /// The slot that it is for.
    pub slot: OffsetDateTime,
    /// When it began.
    pub started_at: OffsetDateTime,
    /// When it ended.
    pub completed_at: Option<OffsetDateTime>,
    /// Why it failed.
    pub error: Option<String>,
    /// What it found; nothing before it is done.
    pub counts: VeilleCounts,
    /// The run that it is compared with, once that has begun.
    pub base: u64,
    /// How far its comparison is, in the words of who compares.
    pub progress: Option<String>,
    /// Increases with each write.
    pub version: u64,
}

impl VeilleRun {
    /// A run that waits.
    #[must_use]
    pub fn new(veille: u64, number: u64, slot: OffsetDateTime, now: OffsetDateTime) -> Self {
        Self {
            veille,
            number,
            status: VeilleRunStatus::Pending,
            job: None,
            pipeline: None,
            slot,
            started_at: now,
            completed_at: None,
            error: None,
            counts: VeilleCounts::default(),
            base: 0,
            progress: None,
            version: 1,
        }
    }

    /// The run with its end.
    #[must_use]
    pub fn ended(&self, status: VeilleRunStatus, error: Option<String>, now: OffsetDateTime) -> Self {
        Self { status, error, completed_at: Some(now), progress: None, ..self.clone() }
    }

    /// The work that starts it.
    #[must_use]
    pub fn work(&self) -> WorkItem {
        WorkItem::veille((self.veille, self.number), "start")
    }
}

impl WorkItem {
    /// A run of a veille is to follow what happened.
    #[must_use]
    pub fn veille((veille, run): (u64, u64), what: &str) -> Self {
        Self {
            id: format!("veille-{veille}-{run}-{what}"),
            kind: WorkKind::Veille,
            subject: format!("{veille} {run}"),
            attempt: 0,
        }
    }
}

/// Reads the number of a path, of a veille or of a run, that is one.
#[must_use]
pub fn number_from_path(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.len() <= 15 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number > 0)
}
