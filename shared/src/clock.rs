//! The one source of time. Everything that asks what time it is asks the context's [`Clock`], so
//! that a whole local system can be moved forward together.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use time::{Duration, OffsetDateTime};

/// Tells the time in UTC. Cheap to clone; clones tell the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Shared(Arc<AtomicI64>),
    File(PathBuf),
}

impl Clock {
    /// The machine's clock, as in the cloud.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// The machine's clock moved by `offset` milliseconds, which others may change at any time.
    #[must_use]
    pub fn shared_offset(offset: Arc<AtomicI64>) -> Self {
        Self(Source::Shared(offset))
    }

    /// The machine's clock moved by the milliseconds that `file` holds as decimal text; a missing
    /// or unreadable file means none. It is how separate processes share one moved clock.
    #[must_use]
    pub fn offset_file(file: PathBuf) -> Self {
        Self(Source::File(file))
    }

    /// The clock that settings name: [`Clock::offset_file`] where there is a file, else the machine's.
    #[must_use]
    pub fn of(file: Option<PathBuf>) -> Self {
        file.map_or_else(Self::system, Self::offset_file)
    }

    /// The time now, in UTC.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        #[expect(clippy::disallowed_methods, reason = "this is the clock that all others ask")]
        let machine = OffsetDateTime::now_utc();
        let offset = match &self.0 {
            Source::System => 0,
            Source::Shared(offset) => offset.load(Ordering::Relaxed),
            Source::File(file) => {
                std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
            }
        };
        machine.checked_add(Duration::milliseconds(offset)).unwrap_or(machine)
    }
}

/// Milliseconds since the Unix epoch.
#[must_use]
pub fn epoch_millis(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// Microseconds since the Unix epoch: the resolution in which the store keeps date-times.
#[must_use]
pub fn epoch_micros(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

/// The time that is `millis` milliseconds after the Unix epoch; `None` outside the years that a date-time can hold.
#[must_use]
pub fn from_epoch_millis(millis: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok()
}

/// The time that is `micros` microseconds after the Unix epoch; `None` outside the years that a date-time can hold.
#[must_use]
pub fn from_epoch_micros(micros: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()
}
