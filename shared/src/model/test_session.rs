//! Tests: one tester's session of one study, and its state machine (openscouter 5.2, 10).

use time::{Duration, OffsetDateTime};

use super::{AgentJobId, OrganizationId, ReportId, Study, StudyId, TestSessionId, UserId, VariantLabel};
use crate::clock::epoch_millis;

/// How long after its longest duration a session is ended for the tester (openscouter 20).
const GRACE: Duration = Duration::minutes(15);

/// Interruptions that are told apart; of those that come later the last one takes in what lies between, so that
/// nobody's session grows without end.
const MAX_PAUSES: usize = 1_000;

/// Where a session stands (openscouter 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestStatus {
    /// Going on.
    Active,
    /// Interrupted.
    Paused,
    /// Ended.
    Completed,
    /// Notes are there.
    Analyzed,
    /// The tester confirmed them.
    Confirmed,
}

impl TestStatus {
    /// All, in the contract's order.
    pub const ALL: [Self; 5] = [Self::Active, Self::Paused, Self::Completed, Self::Analyzed, Self::Confirmed];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Analyzed => "analyzed",
            Self::Confirmed => "confirmed",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether the tester is still at it.
    #[must_use]
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Active | Self::Paused)
    }
}

/// A stream of captured items (openscouter 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IngestedStream {
    /// What was done.
    Events,
    /// What faces showed.
    Facial,
    /// What was said or written.
    Voice,
}

impl IngestedStream {
    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Facial => "facial",
            Self::Voice => "voice",
        }
    }
}

/// Streams that a session takes in, as its study said when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Records {
    /// Events.
    pub events: bool,
    /// Facial snapshots.
    pub facial: bool,
    /// Voice segments.
    pub voice: bool,
}

/// A tester's session of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct TestSession {
    /// Id.
    pub id: TestSessionId,
    /// The study.
    pub study: StudyId,
    /// The study's organization.
    pub organization: OrganizationId,
    /// Who.
    pub tester: UserId,
    /// Place among the study's sessions, from 1: "Tester n" (openscouter 3.8).
    pub number: u32,
    /// Assigned variant.
    pub variant: Option<VariantLabel>,
    /// Where it stands.
    pub status: TestStatus,
    /// What it takes in.
    pub records: Records,
    /// Its longest duration, in minutes.
    pub most_minutes: u32,
    /// Interruptions in milliseconds since the Unix epoch; the last one can still be open.
    pub pauses: Vec<(i64, Option<i64>)>,
    /// Whether it was ended for the tester.
    pub abandoned: bool,
    /// The second in which it began.
    pub created_at: OffsetDateTime,
    /// When it ended, exactly.
    pub completed_at: Option<OffsetDateTime>,
    /// When the tester confirmed the notes.
    pub confirmed_at: Option<OffsetDateTime>,
    /// Latest job of agent 1.
    pub snapshot: Option<AgentJobId>,
    /// Latest job of agent 2.
    pub analyst: Option<AgentJobId>,
    /// Latest job of agent 3.
    pub reporter: Option<AgentJobId>,
    /// Its report, once one was asked for.
    pub report: Option<ReportId>,
    /// Counts changes; every write is conditional on it.
    pub version: u64,
}

impl TestSession {
    /// A new session of `study` by `tester`.
    #[must_use]
    pub fn new(study: &Study, tester: UserId, number: u32, variant: Option<VariantLabel>, now: OffsetDateTime) -> Self {
        let settings = &study.details.settings;
        // clients send it back as it is printed (openscouter 2.1): nothing that they send lies before it
        let created_at = now.replace_nanosecond(0).unwrap_or(now);
        Self {
            id: TestSessionId::at(now),
            study: study.id,
            organization: study.organization,
            tester,
            number,
            variant,
            status: TestStatus::Active,
            records: Records {
                events: settings.record_screen,
                facial: settings.record_facial,
                voice: settings.record_voice,
            },
            most_minutes: settings.max_duration_minutes,
            pauses: Vec::new(),
            abandoned: false,
            created_at,
            completed_at: None,
            confirmed_at: None,
            snapshot: None,
            analyst: None,
            reporter: None,
            report: None,
            version: 1,
        }
    }

    fn changed(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    /// The session after a change that `change` makes.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.changed();
        change(&mut next);
        next
    }

    /// Interrupted at `now`.
    #[must_use]
    pub fn paused(&self, now: OffsetDateTime) -> Self {
        self.with(|next| {
            next.status = TestStatus::Paused;
            match next.pauses.last_mut() {
                Some((_, end)) if self.pauses.len() >= MAX_PAUSES => *end = None,
                _ => next.pauses.push((epoch_millis(now), None)),
            }
        })
    }

    /// Going on again at `now`.
    #[must_use]
    pub fn resumed(&self, now: OffsetDateTime) -> Self {
        self.with(|next| {
            next.status = TestStatus::Active;
            next.close_pause(now);
        })
    }

    /// Ended at `at`.
    #[must_use]
    pub fn completed(&self, at: OffsetDateTime, abandoned: bool) -> Self {
        self.with(|next| {
            next.status = TestStatus::Completed;
            next.close_pause(at);
            next.completed_at = Some(at);
            next.abandoned = abandoned;
        })
    }

    /// Since when it is interrupted, to the millisecond, if it is.
    #[must_use]
    pub fn paused_since(&self) -> Option<OffsetDateTime> {
        let (start, _) = self.pauses.last().filter(|_| self.status == TestStatus::Paused)?;
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(*start) * 1_000_000).ok()
    }

    fn close_pause(&mut self, now: OffsetDateTime) {
        if let Some((start, end @ None)) = self.pauses.last_mut() {
            *end = Some(epoch_millis(now).max(*start));
        }
    }

    /// When it began, to the millisecond: its id was made then.
    #[must_use]
    pub fn began_at(&self) -> OffsetDateTime {
        self.id.time().unwrap_or(self.created_at)
    }

    /// When the guard ends it.
    #[must_use]
    pub fn guarded_until(&self) -> OffsetDateTime {
        self.planned_end() + GRACE
    }

    /// When its longest duration is over.
    #[must_use]
    pub fn planned_end(&self) -> OffsetDateTime {
        self.created_at + Duration::minutes(self.most_minutes.into())
    }

    /// Seconds from start to end as both are printed, pauses included (openscouter 10.1).
    #[must_use]
    pub fn duration_seconds(&self) -> Option<i64> {
        self.completed_at.map(|end| end.unix_timestamp() - self.created_at.unix_timestamp())
    }

    /// Interruptions that have ended by `cutoff`, for the analyser.
    #[must_use]
    pub fn pauses_until(&self, cutoff: i64) -> Vec<(i64, i64)> {
        self.pauses.iter().map(|(start, end)| (*start, end.unwrap_or(cutoff).min(cutoff))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::from_epoch_millis,
        model::{Details, Status},
    };

    #[test]
    fn a_session_does_not_grow_with_its_interruptions() {
        let at = |millis: i64| from_epoch_millis(1_770_000_000_000 + millis).unwrap();
        let study = Study {
            id: StudyId::generate(),
            organization: OrganizationId::at(at(0)),
            name: String::new(),
            status: Status::Open,
            paused_from: None,
            completion_url: None,
            target_url: None,
            tasks: Vec::new(),
            details: Details::default(),
            created_at: at(0),
            updated_at: at(0),
            version: 1,
        };
        let mut session = TestSession::new(&study, UserId::generate(), 1, None, at(0));
        for turn in 0..3_000 {
            session = session.paused(at(turn * 10)).resumed(at(turn * 10 + 5));
        }
        let start = epoch_millis(at(0));
        assert_eq!(session.pauses.len(), MAX_PAUSES);
        assert_eq!(session.pauses.first(), Some(&(start, Some(start + 5))));
        assert_eq!(session.pauses.last(), Some(&(start + 9_990, Some(start + 29_995))));
        assert_eq!(session.version, 6_001);
    }
}
