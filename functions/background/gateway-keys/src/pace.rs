//! The pace of the control plane, which an account's whole region shares: 5 `CreateApiKey` and 5 `DeleteApiKey` a second, and
//! 10 calls of any kind. A key costs four (it goes into a plan of each API), so two or three a second are settled.

use shared::{clock::Clock, context::Context, store::StoreError};
use time::{Duration, OffsetDateTime};

/// What calls are counted by, in windows of one second.
const CALLS: (&str, u32) = ("gateway/control-plane", 10);
/// The longest sleep at a time: a clock that is moved meanwhile ends the wait soon.
const NAP: std::time::Duration = std::time::Duration::from_millis(10);

/// A kind of call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A key is made.
    Create,
    /// A key is removed.
    Delete,
    /// Anything else.
    Other,
}

impl Kind {
    /// The kind's own bucket, and how many pass in a second.
    const fn own(self) -> Option<(&'static str, u32)> {
        match self {
            Self::Create => Some(("gateway/create-key", 5)),
            Self::Delete => Some(("gateway/delete-key", 5)),
            Self::Other => None,
        }
    }
}

/// Waits for a call's turn among all processes; `false` when none comes before `until`.
pub(crate) async fn turn(context: &Context, kind: Kind, until: OffsetDateTime) -> Result<bool, StoreError> {
    let clock = context.clock();
    loop {
        let now = clock.now();
        if now >= until {
            return Ok(false);
        }
        let own = match kind.own() {
            Some(bucket) => passes(context, bucket, now).await?,
            None => true,
        };
        if own && passes(context, CALLS, now).await? {
            return Ok(true);
        }
        sleep_until(clock, next_second(now).min(until)).await;
    }
}

async fn passes(context: &Context, (bucket, most): (&str, u32), now: OffsetDateTime) -> Result<bool, StoreError> {
    Ok(context.limits().attempt(bucket, 1, now).await?.under(most).passed)
}

fn next_second(now: OffsetDateTime) -> OffsetDateTime {
    now.replace_nanosecond(0).unwrap_or(now) + Duration::seconds(1)
}

async fn sleep_until(clock: &Clock, time: OffsetDateTime) {
    while let Ok(left) = std::time::Duration::try_from(time - clock.now())
        && !left.is_zero()
    {
        tokio::time::sleep(left.min(NAP)).await;
    }
}
