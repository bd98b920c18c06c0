//! When a veille runs (outsend 15.3): what a tick of the schedule makes of a veille. The store writes what comes out
//! under the condition that the veille has not changed meanwhile, so that of two ticks one starts a slot.

use time::{Duration, OffsetDateTime};

/// Runs of a slot; when all of them failed it is given up.
const MAX_ATTEMPTS: u32 = 3;

/// Whether a veille runs at all (outsend 15.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleStatus {
    /// It runs.
    Active,
    /// It does not run until it is active again.
    Paused,
    /// It never runs again.
    Deleted,
}

impl ScheduleStatus {
    const ALL: [Self; 3] = [Self::Active, Self::Paused, Self::Deleted];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Deleted => "deleted",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// Where a veille's last run stands, as far as its schedule asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It waits or runs.
    Active,
    /// It failed, and may be tried again.
    Failed,
    /// It is done, or was cancelled.
    Over,
}

impl RunState {
    const ALL: [Self; 3] = [Self::Active, Self::Failed, Self::Over];

    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Failed => "failed",
            Self::Over => "over",
        }
    }

    /// Reads a stored name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A veille's last run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastRun {
    /// The slot that it is for.
    pub slot: OffsetDateTime,
    /// The number of the attempt at that slot, from 1.
    pub attempt: u32,
    /// Where it stands.
    pub state: RunState,
}

/// The schedule of a veille.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Whether it runs.
    pub status: ScheduleStatus,
    /// Days between two slots, 1 to 365.
    pub frequency_days: u16,
    /// When the veille was made.
    pub created_at: OffsetDateTime,
    /// The next slot.
    pub next_run_at: OffsetDateTime,
    /// The slot that was claimed last.
    pub claimed: Option<OffsetDateTime>,
    /// The last run.
    pub last_run: Option<LastRun>,
}

/// What a tick makes of a veille.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tick {
    /// A run starts: the schedule's last one.
    Start(Schedule),
    /// The slot passes without a run, since the last one has not ended.
    Skip(Schedule),
}

impl Schedule {
    /// The schedule of a new veille: the source's run is the baseline, and the first slot is one frequency away.
    #[must_use]
    pub fn new(frequency_days: u16, created_at: OffsetDateTime) -> Self {
        let next_run_at = created_at.saturating_add(days(frequency_days));
        let status = ScheduleStatus::Active;
        Self { status, frequency_days, created_at, next_run_at, claimed: None, last_run: None }
    }

    /// What a tick at `now` does, if anything. The owner must be active, which the caller knows.
    #[must_use]
    pub fn tick(&self, now: OffsetDateTime) -> Option<Tick> {
        if self.status != ScheduleStatus::Active {
            return None;
        }
        let last = self.last_run;
        let active = last.is_some_and(|run| run.state == RunState::Active);
        if self.next_run_at <= now {
            let slot = self.next_run_at;
            let claimed = Self { claimed: Some(slot), next_run_at: self.after(slot, now), ..self.clone() };
            return Some(if active { Tick::Skip(claimed) } else { claimed.started(slot, 1) });
        }
        let failed = self.to_repeat()?;
        Some(self.clone().started(failed.slot, failed.attempt + 1))
    }

    /// When a tick has something to do next; `None` when it never has.
    #[must_use]
    pub fn due(&self) -> Option<OffsetDateTime> {
        if self.status != ScheduleStatus::Active {
            return None;
        }
        // what failed is tried again by the next tick, whenever that is
        Some(self.to_repeat().map_or(self.next_run_at, |run| run.slot))
    }

    /// The last run, when it failed and may be tried again.
    fn to_repeat(&self) -> Option<LastRun> {
        self.last_run.filter(|run| run.state == RunState::Failed && run.attempt < MAX_ATTEMPTS)
    }

    fn started(self, slot: OffsetDateTime, attempt: u32) -> Tick {
        Tick::Start(Self { last_run: Some(LastRun { slot, attempt, state: RunState::Active }), ..self })
    }

    /// The first slot behind `slot` that lies in the future: slots that were missed give one run.
    fn after(&self, slot: OffsetDateTime, now: OffsetDateTime) -> OffsetDateTime {
        let frequency = days(self.frequency_days);
        let passed = (now - slot).whole_seconds() / frequency.whole_seconds();
        let steps = i32::try_from(passed.max(0)).unwrap_or(i32::MAX - 1) + 1;
        slot.saturating_add(frequency * steps)
    }

    /// The schedule when its last run ended; one that has ended stays as it is.
    #[must_use]
    pub fn ended(&self, failed: bool) -> Self {
        let state = if failed { RunState::Failed } else { RunState::Over };
        let ended = |run: LastRun| if run.state == RunState::Active { LastRun { state, ..run } } else { run };
        Self { last_run: self.last_run.map(ended), ..self.clone() }
    }

    /// The schedule with another frequency: the next slot counts from the last one that was claimed, and does not lie
    /// in the past.
    #[must_use]
    pub fn every(&self, frequency_days: u16, now: OffsetDateTime) -> Self {
        let from = self.claimed.unwrap_or(self.created_at);
        let next_run_at = from.saturating_add(days(frequency_days)).max(now);
        Self { frequency_days, next_run_at, ..self.clone() }
    }

    /// The schedule, paused: its next slot stays.
    #[must_use]
    pub fn paused(&self) -> Self {
        Self { status: ScheduleStatus::Paused, ..self.clone() }
    }

    /// The schedule of a veille that never runs again.
    #[must_use]
    pub fn deleted(&self) -> Self {
        Self { status: ScheduleStatus::Deleted, ..self.clone() }
    }

    /// The schedule, active again: a slot that passed meanwhile is due now. One that is active stays as it is.
    #[must_use]
    pub fn resumed(&self, now: OffsetDateTime) -> Self {
        if self.status == ScheduleStatus::Active {
            return self.clone();
        }
        Self { status: ScheduleStatus::Active, next_run_at: self.next_run_at.max(now), ..self.clone() }
    }
}

/// A frequency; never none.
fn days(frequency: u16) -> Duration {
    Duration::days(i64::from(frequency.max(1)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn started(schedule: &Schedule, now: OffsetDateTime) -> Schedule {
        let Some(Tick::Start(next)) = schedule.tick(now) else { panic!("{schedule:?} at {now}") };
        next
    }

    #[test]
    fn a_slot_starts_once_and_missed_ones_are_one_run() {
        let schedule = Schedule::new(7, START);
        assert_eq!(schedule.tick(START + Duration::days(7) - Duration::SECOND), None);
        let first = started(&schedule, START + Duration::days(7));
        assert_eq!(first.next_run_at, START + Duration::days(14), "in the future");
        assert_eq!(first.tick(START + Duration::days(8)), None, "once");
        let done = first.ended(false);
        assert_eq!(done.tick(START + Duration::days(8)), None);
        let late = started(&done, START + Duration::days(36));
        assert_eq!(late.last_run.map(|run| (run.slot, run.attempt)), Some((START + Duration::days(14), 1)));
        assert_eq!((late.claimed, late.next_run_at), (Some(START + Duration::days(14)), START + Duration::days(42)));
        let Some(Tick::Skip(skipped)) = late.tick(START + Duration::days(42)) else { panic!("{late:?}") };
        assert_eq!((skipped.last_run, skipped.next_run_at), (late.last_run, START + Duration::days(49)));
    }

    #[test]
    fn three_attempts_a_slot_and_none_after_a_cancellation() {
        let due = START + Duration::days(1);
        let mut schedule = started(&Schedule::new(1, START), due);
        for attempt in 1..3 {
            assert_eq!(schedule.last_run.map(|run| run.attempt), Some(attempt));
            schedule = started(&schedule.ended(true), due + Duration::minutes(5));
        }
        assert_eq!(schedule.ended(true).tick(due + Duration::hours(1)), None, "given up");
        assert_eq!(schedule.ended(false).tick(due + Duration::hours(1)), None);
        let next = started(&schedule.ended(true), due + Duration::days(1));
        assert_eq!(next.last_run.map(|run| run.attempt), Some(1), "the next slot begins anew");
    }

    #[test]
    fn changes_of_the_schedule() {
        let day = Duration::days;
        let schedule = Schedule::new(10, START);
        assert_eq!(schedule.every(3, START + day(1)).next_run_at, START + day(3), "from the creation");
        assert_eq!(schedule.every(3, START + day(5)).next_run_at, START + day(5), "not before now");
        let claimed = started(&schedule, START + day(12));
        assert_eq!(claimed.every(3, START + day(12)).next_run_at, START + day(13), "from the claimed slot");
        let paused = schedule.paused();
        assert_eq!(paused.tick(START + day(20)), None);
        assert_eq!(paused.resumed(START + day(2)).next_run_at, START + day(10));
        assert_eq!(paused.resumed(START + day(20)).next_run_at, START + day(20));
        assert_eq!(schedule.resumed(START + day(20)), schedule);
        assert_eq!(Schedule { status: ScheduleStatus::Deleted, ..schedule }.tick(START + day(20)), None);
    }

    #[derive(Clone, Debug)]
    enum Step {
        /// Time passes, in minutes.
        Wait(i64),
        /// Schedulers that read the same state tick, the last of them first.
        Ticks(usize),
        /// The run that is active ends.
        End(bool),
        Pause,
        Resume,
        Every(u16),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (1..5_000_i64).prop_map(Step::Wait),
            6 => (1..4_usize).prop_map(Step::Ticks),
            3 => any::<bool>().prop_map(Step::End),
            1 => Just(Step::Pause),
            1 => Just(Step::Resume),
            1 => (1..30_u16).prop_map(Step::Every),
        ]
    }

    /// A stored schedule with its version.
    struct Stored(u64, Schedule);

    impl Stored {
        /// Writes what a tick made of the state that was read at this version, if it is still there.
        fn write(&mut self, read: u64, next: Schedule) -> bool {
            let fresh = self.0 == read;
            if fresh {
                *self = Self(read + 1, next);
            }
            fresh
        }
    }

    proptest! {
        #[test]
        fn whatever_the_clocks_do(steps in proptest::collection::vec(step(), 1..80)) {
            let (mut stored, mut now) = (Stored(1, Schedule::new(2, START)), START);
            let mut starts = HashSet::new();
            for step in steps {
                match step {
                    Step::Wait(minutes) => now += Duration::minutes(minutes),
                    Step::Pause => stored.1 = stored.1.paused(),
                    Step::Resume => stored.1 = stored.1.resumed(now),
                    Step::Every(days) => {
                        stored.1 = stored.1.every(days, now);
                        prop_assert!(stored.1.next_run_at >= now);
                    }
                    Step::End(failed) => stored.1 = stored.1.ended(failed),
                    Step::Ticks(schedulers) => {
                        let (version, before) = (stored.0, stored.1.clone());
                        // their clocks differ by minutes
                        let ticks: Vec<_> =
                            (0..schedulers).map(|late| before.tick(now - Duration::minutes(i64::try_from(late).unwrap()))).collect();
                        let mut written = 0;
                        for tick in ticks.into_iter().rev().flatten() {
                            let (Tick::Start(next) | Tick::Skip(next)) = &tick;
                            if !stored.write(version, next.clone()) {
                                continue;
                            }
                            written += 1;
                            prop_assert_eq!(before.status, ScheduleStatus::Active);
                            let active = before.last_run.is_some_and(|run| run.state == RunState::Active);
                            prop_assert_eq!(matches!(tick, Tick::Skip(_)), active, "one run at a time");
                            if let Tick::Start(next) = tick {
                                let run = next.last_run.unwrap();
                                prop_assert!(run.slot <= now && (1..=3).contains(&run.attempt));
                                prop_assert!(starts.insert((run.slot, run.attempt)), "a slot starts once");
                                prop_assert!(run.attempt == 1 || starts.contains(&(run.slot, run.attempt - 1)));
                            }
                        }
                        prop_assert!(written <= 1);
                        // a tick of our own clock leaves nothing due
                        while let Some(Tick::Start(next) | Tick::Skip(next)) = stored.1.tick(now) {
                            if let Some(run) = next.last_run.filter(|_| next.last_run != stored.1.last_run) {
                                prop_assert!(starts.insert((run.slot, run.attempt)), "a slot starts once");
                            }
                            stored.1 = next;
                        }
                        prop_assert!(stored.1.status != ScheduleStatus::Active || stored.1.next_run_at > now);
                        prop_assert!(stored.1.due().is_none_or(|due| due > now));
                    }
                }
            }
        }
    }
}
