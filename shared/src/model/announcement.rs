//! What is told of a change of state: the seven events, and what waits to become one (outsend 16.2).

use time::{Duration, OffsetDateTime};

use super::{Job, JobStatus, UserId, WorkItem, WorkKind};
use crate::{clock::epoch_millis, ulid};

/// The events that an account is told of (outsend 16.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventName {
    /// A job reached `done`.
    JobCompleted,
    /// A job failed.
    JobFailed,
    /// A job was cancelled.
    JobCancelled,
    /// A pipeline's run reached `done`.
    PipelineCompleted,
    /// A pipeline's run failed.
    PipelineFailed,
    /// A pipeline's run was cancelled.
    PipelineCancelled,
    /// A monitor's run succeeded.
    VeilleRunCompleted,
}

impl EventName {
    /// All, in the contract's order.
    pub const ALL: [Self; 7] = [
        Self::JobCompleted,
        Self::JobFailed,
        Self::JobCancelled,
        Self::PipelineCompleted,
        Self::PipelineFailed,
        Self::PipelineCancelled,
        Self::VeilleRunCompleted,
    ];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JobCompleted => "job.completed",
            Self::JobFailed => "job.failed",
            Self::JobCancelled => "job.cancelled",
            Self::PipelineCompleted => "pipeline.completed",
            Self::PipelineFailed => "pipeline.failed",
            Self::PipelineCancelled => "pipeline.cancelled",
            Self::VeilleRunCompleted => "veille.run_completed",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }
}

/// What the `data` of an event is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum EventData {
    /// The job as it is after the transition.
    Job(Box<Job>),
    /// JSON, as it is shown.
    Json(String),
}

/// An event that waits to be published.
#[derive(Clone, Debug, PartialEq)]
pub struct Announcement {
    /// Who is told.
    pub user: UserId,
    /// What happened.
    pub name: EventName,
    /// Names the transition among all of the user: letters, digits and `_-.:`, no space. Each is announced once.
    pub reference: String,
    /// When it happened.
    pub at: OffsetDateTime,
    /// What is told of it.
    pub data: EventData,
}

impl Announcement {
    /// What is told of a job that has just ended; nothing of one that waits, runs or expired. A job ends once, so that
    /// its id names the transition.
    #[must_use]
    pub fn of_job(job: &Job) -> Option<Self> {
        let name = match job.status {
            JobStatus::Done => EventName::JobCompleted,
            JobStatus::Failed => EventName::JobFailed,
            JobStatus::Cancelled => EventName::JobCancelled,
            JobStatus::Pending | JobStatus::Running | JobStatus::Expired => return None,
        };
        Some(Self {
            user: job.user,
            name,
            reference: job.id.to_string(),
            at: job.completed_at?,
            data: EventData::Job(Box::new(job.clone())),
        })
    }

    /// The work that publishes it.
    #[must_use]
    pub fn work(&self) -> WorkItem {
        let Self { user, reference, .. } = self;
        WorkItem {
            id: format!("publish-{user}-{reference}"),
            kind: WorkKind::Publish,
            subject: format!("{user} {reference}"),
            attempt: 0,
        }
    }

    /// The user and the reference that the subject of such work names.
    #[must_use]
    pub fn named_by(subject: &str) -> Option<(UserId, &str)> {
        let (user, reference) = subject.split_once(' ')?;
        Some((UserId::parse(user)?, reference))
    }
}

/// How long an event is kept, and what became of its deliveries (outsend 16.1).
pub const EVENTS_KEPT: Duration = Duration::days(30);

/// An event's id: `evt_` and a ULID. In an account they increase in the order in which events are seen (outsend 16.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FeedEventId([u8; 16]);

impl FeedEventId {
    /// The id of the next event: of this time, and behind the last one whatever the clock says.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn after(last: Option<Self>, now: OffsetDateTime) -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes)?;
        if let Some(time) = bytes.first_chunk_mut() {
            *time = time_of(now);
        }
        let next = last.map(|last| u128::from_be_bytes(last.0).saturating_add(1));
        Ok(Self(u128::from_be_bytes(bytes).max(next.unwrap_or(0)).to_be_bytes()))
    }

    /// What sorts before every id of this time or later.
    #[must_use]
    pub fn first_at(now: OffsetDateTime) -> Self {
        let mut bytes = [0_u8; 16];
        if let Some(time) = bytes.first_chunk_mut() {
            *time = time_of(now);
        }
        Self(bytes)
    }

    /// Reads an id of the wire, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, digits) = text.split_at_checked(4)?;
        let known = prefix.eq_ignore_ascii_case("evt_").then(|| digits.to_ascii_lowercase())?;
        ulid::decode_lower(&known).map(Self)
    }
}

/// The 48 bits of time that a ULID begins with.
fn time_of(now: OffsetDateTime) -> [u8; 6] {
    let [_, _, time @ ..] = epoch_millis(now).to_be_bytes();
    time
}

impl std::fmt::Display for FeedEventId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "evt_{}", ulid::encode(&self.0))
    }
}

/// An event in its account's feed (outsend 16.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedEvent {
    /// Its id.
    pub id: FeedEventId,
    /// What happened.
    pub name: EventName,
    /// When it happened.
    pub at: OffsetDateTime,
    /// What is told of it, as JSON.
    pub data: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for name in EventName::ALL {
            assert_eq!(EventName::parse(name.as_str()), Some(name));
        }
        assert_eq!(EventName::parse("job.expired"), None);
    }

    #[test]
    fn ids_increase_whatever_the_clock_says() {
        let mut last = None;
        for step in [5, 5, 3, 9, 8, 0] {
            let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::milliseconds(step);
            let id = FeedEventId::after(last, now).unwrap();
            assert!(last.is_none_or(|last| last < id));
            assert_eq!(FeedEventId::parse(&id.to_string().to_lowercase()), Some(id));
            assert!(FeedEventId::first_at(now) <= id);
            last = Some(id);
        }
        assert_eq!(FeedEventId::parse("evt_"), None);
        assert_eq!(FeedEventId::parse("j_01KSMB92NRM7N8P9Q0R1S2T3V4"), None);
    }
}
