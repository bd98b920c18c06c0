//! Jobs and their state machine (outsend 7, 20).

use engine_types::{Lane, Module, Seen};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::{OrganizationId, PipelineId, User, UserId, WorkItem};
use crate::ulid;

/// A job's id: `j_` and a ULID, whose time is the job's creation (outsend 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId([u8; 16]);

impl JobId {
    /// A new id that sorts by its time.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn at(now: OffsetDateTime) -> Result<Self, getrandom::Error> {
        let text = ulid::generate(now)?.to_ascii_lowercase();
        Ok(Self(ulid::decode_lower(&text).unwrap_or_default()))
    }

    /// Reads an id of the wire, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, digits) = text.split_at_checked(2)?;
        let known = prefix.eq_ignore_ascii_case("j_").then(|| digits.to_ascii_lowercase())?;
        ulid::decode_lower(&known).map(Self)
    }

    /// The id that these bytes are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The sixteen bytes, which sort as the text does.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl std::fmt::Display for JobId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "j_{}", ulid::encode(&self.0))
    }
}

/// Where a job stands (outsend 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobStatus {
    /// Waits for its turn.
    Pending,
    /// Has a slot.
    Running,
    /// All items are committed.
    Done,
    /// Cannot go on.
    Failed,
    /// Its owner stopped it.
    Cancelled,
    /// Its rows were purged.
    Expired,
}

impl JobStatus {
    /// All, in the contract's order.
    pub const ALL: [Self; 6] = [Self::Pending, Self::Running, Self::Done, Self::Failed, Self::Cancelled, Self::Expired];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether a job waits or runs.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Pending | Self::Running)
    }

    /// Whether this may become `next` (outsend 7.2).
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Pending => matches!(next, Self::Running | Self::Cancelled | Self::Failed),
            Self::Running => matches!(next, Self::Done | Self::Failed | Self::Cancelled),
            Self::Done | Self::Failed | Self::Cancelled => matches!(next, Self::Expired),
            Self::Expired => false,
        }
    }
}

/// Where a job's input rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobInput {
    /// With the job itself.
    Own,
    /// The result rows of another job.
    Of(JobId),
    /// In a text, kept with the job once it was read.
    Text,
}

/// Rules of the platform that jobs stand under (outsend 18.3).
#[derive(Clone, Debug)]
pub struct JobRules {
    /// How long a job may take before it fails.
    pub lifetime: time::Duration,
    /// How long rows are kept after a job's end.
    pub retention: time::Duration,
    /// Jobs of the serial lane that run at a time.
    pub serial_width: usize,
    /// Jobs of the parallel lane that run at a time.
    pub parallel_slots: usize,
    /// Running jobs of a user, over both lanes.
    pub running_of_user: usize,
    /// Most planned requests of a job.
    pub job_ceiling: u64,
    /// Planned requests a month on the free plan; `None` means no quota.
    pub quota_free: Option<u64>,
    /// The same on the pro plan.
    pub quota_pro: Option<u64>,
}

impl Default for JobRules {
    fn default() -> Self {
        Self {
            lifetime: time::Duration::days(30),
            retention: time::Duration::days(7),
            serial_width: 1,
            parallel_slots: 6,
            running_of_user: 5,
            job_ceiling: 10_000,
            quota_free: Some(100_000),
            quota_pro: Some(1_000_000),
        }
    }
}

/// What a search for places looks for (outsend 7.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// What is looked for.
    pub queries: Vec<String>,
    /// Where.
    pub zones: Vec<String>,
    /// A flag that is kept, and has no effect.
    pub include_reviews: bool,
}

/// A job: the only thing that is billed (outsend 7.1).
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Its owner.
    pub user: UserId,
    /// The owner's organization.
    pub organization: OrganizationId,
    /// What it runs; also its type.
    pub module: Module,
    /// Whether it is one of emails in deep mode (outsend 12.4).
    pub deep: bool,
    /// Where it stands. What has outlived its retention reads as expired: [`Job::status_at`].
    pub status: JobStatus,
    /// Planned items; `None` of an import whose source was not read yet.
    pub planned: Option<u64>,
    /// Finished items, failed ones included: the checkpoint.
    pub processed: u64,
    /// Rows committed.
    pub results: u64,
    /// Items that failed.
    pub errors: u64,
    /// Planned requests that were charged at creation (outsend 18.2).
    pub charged: u64,
    /// Finished items that it took over from the job that it resumes: they were charged there.
    pub taken_over: u64,
    /// Creation.
    pub created_at: OffsetDateTime,
    /// Admission to a slot.
    pub started_at: Option<OffsetDateTime>,
    /// The terminal transition.
    pub completed_at: Option<OffsetDateTime>,
    /// The end of its lifetime, should it not have ended before.
    pub expires_at: OffsetDateTime,
    /// When its rows are purged; set by the terminal transition (outsend 7.5).
    pub purge_at: Option<OffsetDateTime>,
    /// Why it failed.
    pub error_message: Option<String>,
    /// Lineage.
    pub source: Option<JobId>,
    /// The pipeline that it is a part of, and the number of the run.
    pub run: Option<(PipelineId, u64)>,
    /// The veille that it runs for, and the number of the run; none of a pipeline's job.
    pub veille: Option<(u64, u64)>,
    /// Where its input is.
    pub input: JobInput,
    /// Rows that were dropped before it was planned.
    pub ignored: u64,
    /// What `breakdown` holds beside `ignored`.
    pub breakdown: Map<String, Value>,
    /// Requests made to others.
    pub attempts: u64,
    /// `seq` of its last log line.
    pub log_last: u64,
    /// Workers that took it up: what one commits is refused once another came.
    pub lease: u64,
    /// Leases in a row that ended at this checkpoint without a commit.
    pub stuck: u32,
    /// Internal faults in a row.
    pub faults: u32,
    /// How often the item at the checkpoint was tried and is to be tried again (outsend 12.1).
    pub tries: u32,
    /// Items before the checkpoint, in a row, for which nobody could be asked (outsend 7.4 rule 6).
    pub refused: u64,
    /// What a search for places looks for; none of another job.
    pub search: Option<Search>,
    /// What a placement check has seen of each mailbox (outsend 12.16); none of another job.
    pub seen: Vec<Seen>,
    /// The job that resumed it last.
    pub resumed_as: Option<JobId>,
    /// Increases with each write.
    pub version: u64,
}

impl Job {
    /// A job that was just created and waits: without a plan, an input or a charge.
    #[must_use]
    pub fn new(id: JobId, owner: &User, module: Module, now: OffsetDateTime, lifetime: Duration) -> Self {
        Self {
            id,
            user: owner.id,
            organization: owner.organization,
            module,
            deep: false,
            status: JobStatus::Pending,
            planned: None,
            processed: 0,
            results: 0,
            errors: 0,
            charged: 0,
            taken_over: 0,
            created_at: now,
            started_at: None,
            completed_at: None,
            expires_at: now + lifetime,
            purge_at: None,
            error_message: None,
            source: None,
            run: None,
            veille: None,
            input: JobInput::Own,
            ignored: 0,
            breakdown: Map::new(),
            attempts: 0,
            log_last: 0,
            lease: 0,
            stuck: 0,
            faults: 0,
            tries: 0,
            refused: 0,
            search: None,
            seen: Vec::new(),
            resumed_as: None,
            version: 1,
        }
    }

    /// Where it stands at `now` (outsend 7.5): what was to be purged reads as expired, swept or not.
    #[must_use]
    pub fn status_at(&self, now: OffsetDateTime) -> JobStatus {
        if !self.status.is_active() && self.purge_at.is_some_and(|at| at <= now) {
            return JobStatus::Expired;
        }
        self.status
    }

    /// Whether there is a file (outsend 7.1).
    #[must_use]
    pub fn has_file(&self, now: OffsetDateTime) -> bool {
        match self.status_at(now) {
            JobStatus::Done => true,
            JobStatus::Failed | JobStatus::Cancelled => self.results > 0,
            JobStatus::Pending | JobStatus::Running | JobStatus::Expired => false,
        }
    }

    /// Its queue.
    #[must_use]
    pub fn lane(&self) -> Lane {
        self.module.entry().lane
    }

    /// Requests that were charged and will not be made, by the share of the items that are left: given back at the
    /// terminal transition.
    #[must_use]
    pub fn refund(&self) -> u64 {
        let planned = self.planned.unwrap_or(0);
        let (left, charged) = (planned.saturating_sub(self.processed), planned.saturating_sub(self.taken_over));
        self.charged.saturating_mul(left).checked_div(charged).unwrap_or(0).min(self.charged)
    }

    /// The job after a terminal transition at `now`, its results kept for `retention`.
    #[must_use]
    pub fn ended(&self, status: JobStatus, error: Option<String>, now: OffsetDateTime, retention: Duration) -> Self {
        Self {
            status,
            error_message: error,
            completed_at: Some(now),
            purge_at: Some(now + retention),
            version: self.version + 1,
            ..self.clone()
        }
    }

    /// The work that lets the run of its pipeline or veille follow the state that the job has come to: each state's
    /// once.
    #[must_use]
    pub fn run_work(&self) -> Option<WorkItem> {
        if let Some(run) = self.veille {
            return Some(WorkItem::veille(run, self.status.as_str()));
        }
        let (pipeline, run) = self.run?;
        Some(WorkItem::run(pipeline, run, &format!("{}-{}", self.id, self.status.as_str())))
    }

    /// The calendar month that its charge counts for, `2026-11` (outsend 18.2).
    #[must_use]
    pub fn month(&self) -> String {
        month(self.created_at)
    }
}

/// The UTC calendar month of a time, `2026-11`.
#[must_use]
pub fn month(at: OffsetDateTime) -> String {
    format!("{:04}-{:02}", at.year(), u8::from(at.month()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_in_any_case() {
        let id = JobId::at(OffsetDateTime::UNIX_EPOCH).unwrap();
        let text = id.to_string();
        assert_eq!((text.len(), JobId::parse(&text)), (28, Some(id)));
        assert_eq!(JobId::parse(&text.to_lowercase()), Some(id));
        for bad in ["", "j_", "queue", "x_00000000000000000000000000", "é_00000000000000000000000000"] {
            assert_eq!(JobId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_left_is_given_back_by_its_share_of_the_charge() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let email = crate::model::Email::from_stored("a@b.test".to_owned());
        let organization = OrganizationId::at(now);
        let user =
            User::new((UserId::at(now), 1), email, "A".to_owned(), crate::model::Role::Business, organization, now);
        let job = Job::new(JobId::at(now).unwrap(), &user, Module::BrandAssets, now, Duration::days(30));
        for (planned, taken_over, processed, charged, refund) in [
            (2, 0, 1, 10, 5),
            (2, 0, 2, 10, 0),
            (0, 0, 0, 0, 0),
            // what was taken over was charged before
            (100, 60, 60, 40, 40),
            (100, 60, 80, 40, 20),
            (100, 60, 100, 40, 0),
        ] {
            let job = Job { planned: Some(planned), taken_over, processed, charged, ..job.clone() };
            assert_eq!(job.refund(), refund, "{planned} {taken_over} {processed} {charged}");
        }
    }

    #[test]
    fn only_the_contract_s_transitions_are_allowed() {
        use JobStatus::{Cancelled, Done, Expired, Failed, Pending, Running};
        let allowed = [
            (Pending, Running),
            (Pending, Cancelled),
            (Pending, Failed),
            (Running, Done),
            (Running, Failed),
            (Running, Cancelled),
            (Done, Expired),
            (Failed, Expired),
            (Cancelled, Expired),
        ];
        for from in JobStatus::ALL {
            for to in JobStatus::ALL {
                assert_eq!(from.may_become(to), allowed.contains(&(from, to)), "{from:?} to {to:?}");
            }
        }
    }
}
