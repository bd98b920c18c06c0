//! Agents: jobs, notes and reports (openscouter 10.4, 12, 13).

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{AgentJobId, OrganizationId, ReportId, StudyId, TestSessionId, UserId};

/// Which agent works (openscouter 12.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentKind {
    /// Agent 1, on a running session.
    Snapshot,
    /// Agent 2, on a completed session.
    Analyst,
    /// Agent 3, on a confirmed session.
    Report,
    /// Agent 4, on a study.
    Synthesis,
}

impl AgentKind {
    /// All, in the contract's order.
    pub const ALL: [Self; 4] = [Self::Snapshot, Self::Analyst, Self::Report, Self::Synthesis];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Analyst => "analyst",
            Self::Report => "report",
            Self::Synthesis => "synthesis",
        }
    }

    /// Seconds that a job is said to take (openscouter 12.2, 13).
    #[must_use]
    pub const fn estimated_seconds(self) -> u32 {
        match self {
            Self::Snapshot => 20,
            Self::Analyst => 60,
            Self::Report => 30,
            Self::Synthesis => 90,
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Where an agent's job stands (openscouter 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentStatus {
    /// Asked for.
    Queued,
    /// At work.
    Processing,
    /// Done.
    Complete,
    /// Given up.
    Failed,
}

impl AgentStatus {
    /// All, in the contract's order.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Processing, Self::Complete, Self::Failed];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Complete => "complete",
            Self::Failed => "failed",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether something can still come of it.
    #[must_use]
    pub const fn is_unfinished(self) -> bool {
        matches!(self, Self::Queued | Self::Processing)
    }
}

/// A job of an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentJob {
    /// Id.
    pub id: AgentJobId,
    /// Which agent.
    pub kind: AgentKind,
    /// Where it stands.
    pub status: AgentStatus,
    /// How often it was taken up.
    pub attempts: u32,
    /// The session, unless it concerns a study.
    pub session: Option<TestSessionId>,
    /// The study.
    pub study: StudyId,
    /// The study's organization.
    pub organization: OrganizationId,
    /// The session's tester.
    pub tester: Option<UserId>,
    /// Who asked for it.
    pub actor: UserId,
    /// Id of the request.
    pub request_id: String,
    /// What comes later is ignored; milliseconds since the Unix epoch.
    pub cutoff: i64,
    /// Streams that are looked at.
    pub streams: Vec<String>,
    /// The report that it makes.
    pub report: Option<ReportId>,
    /// Insights as JSON.
    pub insights: Option<String>,
    /// Moments that were found.
    pub moments: Option<u32>,
    /// Streams that an analyst found items in (openscouter 12.6).
    pub filled: Vec<String>,
    /// What is told of a failure.
    pub error: Option<String>,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
    /// When it was last taken up.
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    pub finished_at: Option<OffsetDateTime>,
    /// Counts changes; every write is conditional on it.
    pub version: u64,
}

impl AgentJob {
    /// A job of a study's that was just asked for; what it is about beside that is the caller's to fill in.
    #[must_use]
    pub fn asked(
        kind: AgentKind,
        (study, organization): (StudyId, OrganizationId),
        (actor, request_id): (UserId, &str),
        now: OffsetDateTime,
    ) -> Self {
        Self {
            id: AgentJobId::at(now),
            kind,
            status: AgentStatus::Queued,
            attempts: 0,
            session: None,
            study,
            organization,
            tester: None,
            actor,
            request_id: request_id.to_owned(),
            cutoff: 0,
            streams: Vec::new(),
            report: None,
            insights: None,
            moments: None,
            filled: Vec::new(),
            error: None,
            created_at: now,
            started_at: None,
            finished_at: None,
            version: 1,
        }
    }
}

/// A success criterion (openscouter 12.7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Criterion {
    /// Number.
    pub criterion: String,
    /// Name.
    pub name: String,
    /// `A` or `AA`.
    pub level: String,
}

/// The moment that an analyst's note is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotedMoment {
    /// What.
    #[serde(rename = "type")]
    pub kind: String,
    /// How much it matters.
    pub severity: String,
    /// How sure it is.
    pub confidence: String,
    /// The criterion that it touches.
    pub wcag: Criterion,
    /// What to do about it.
    pub recommendation: String,
    /// Where.
    pub context: String,
    /// The element; shown only inside the context.
    pub element: Option<String>,
    /// 0 to 1.
    pub impact: f64,
    /// Whether it is the session's last one.
    pub last: bool,
    /// Names of the streams that it was found in; never shown.
    #[serde(default)]
    pub own: Vec<String>,
}

/// A note on a session (openscouter 10.4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// Wire id.
    pub note_id: String,
    /// What an analyst's note is about; a tester's has none.
    pub moment: Option<NotedMoment>,
    /// Milliseconds since the Unix epoch.
    pub timestamp: Option<i64>,
    /// What it says.
    pub text: String,
    /// Whether it goes into the report.
    pub included: bool,
}

/// The notes of a session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notes {
    /// In the order of time, those without a time last.
    pub notes: Vec<Note>,
    /// When they were last changed.
    pub updated_at: Option<OffsetDateTime>,
    /// Counts changes; 0 where there was never a note.
    pub version: u64,
}

impl Notes {
    /// Brings the notes into their order.
    pub fn sort(&mut self) {
        self.notes.sort_by_key(|note| (note.timestamp.is_none(), note.timestamp));
    }
}

/// A report (openscouter 13): what its agent made of a session or of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Id.
    pub id: ReportId,
    /// The session, unless it is a study's.
    pub session: Option<TestSessionId>,
    /// The study.
    pub study: StudyId,
    /// The study's organization.
    pub organization: OrganizationId,
    /// The session's tester.
    pub tester: Option<UserId>,
    /// "Tester n".
    pub number: u32,
    /// How often it was made.
    pub edition: u32,
    /// Where its job stands.
    pub status: AgentStatus,
    /// The job that makes it.
    pub job: AgentJobId,
    /// When it was first asked for.
    pub created_at: OffsetDateTime,
    /// When this edition was done.
    pub completed_at: Option<OffsetDateTime>,
    /// Whether an edition of it was ever complete, and counted.
    pub counted: bool,
    /// What its latest complete edition says, as JSON; empty until there was one.
    pub contents: String,
    /// Counts changes; every write is conditional on it.
    pub version: u64,
}

impl Report {
    /// The first edition of a job's report, with nothing to read yet: on its session, or on its study.
    #[must_use]
    pub fn first(job: &AgentJob, number: u32) -> Self {
        Self {
            id: ReportId::at(job.created_at),
            session: job.session,
            study: job.study,
            organization: job.organization,
            tester: job.tester,
            number,
            edition: 1,
            status: AgentStatus::Queued,
            job: job.id,
            created_at: job.created_at,
            completed_at: None,
            counted: false,
            contents: String::new(),
            version: 1,
        }
    }

    /// The next edition, that a job makes. What the last complete one says is kept, so that a job that fails does not
    /// take it along.
    #[must_use]
    pub fn next(&self, job: AgentJobId) -> Self {
        Self {
            edition: self.edition + 1,
            status: AgentStatus::Queued,
            job,
            completed_at: None,
            version: self.version + 1,
            ..self.clone()
        }
    }
}
