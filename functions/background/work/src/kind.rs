//! What a kind of work is: how an attempt is made, and what is done when all of them failed.

use shared::{BoxFuture, model::WorkItem, store::StoreError};
use time::{Duration, OffsetDateTime};

use crate::workers::Workers;

/// How long an invocation begins pieces of work. With the longest piece, [`MAX_TIME`], it ends well inside the function's
/// time limit, 50 s.
pub(crate) const BEGIN_TIME: Duration = Duration::seconds(10);
/// How long work that comes in slices goes on at a time; less than a lease, and than the function may take.
pub(crate) const MAX_TIME: Duration = Duration::seconds(30);
/// The pause before work that failed again and again is tried once more.
const MUCH_LATER: Duration = Duration::minutes(15);
/// What the log says of work that was given up.
const GIVEN_UP: &str = "given up";

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is done, and the item goes; the log says how.
    Done(&'static str),
    /// It goes on at this time. As far as attempts are counted, that is a new piece of work.
    AgainAt(OffsetDateTime),
    /// The item went along with what was done, or is somebody else's.
    Ended,
}

/// Why an attempt failed. The item stays, and is taken up again when its lease has lapsed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The item's subject is none of its kind.
    #[error("no such id")]
    Subject,
    /// Something else went wrong.
    #[error("{0}")]
    Failed(String),
}

/// What is done with a piece of work.
pub(crate) type Run = for<'a> fn(&'a Workers, &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>>;

/// A kind of work. Each attempt must be safe to make twice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// Makes an attempt.
    pub(crate) run: Run,
    /// Ends what failed at all of its attempts.
    pub(crate) give_up: Run,
}

/// Gives work up that nothing else depends on: the item goes.
pub(crate) fn forget<'a>(_: &'a Workers, _: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async { Ok(given_up()) })
}

/// Never gives up: for work without which something would be wrong for ever.
pub(crate) fn try_later<'a>(workers: &'a Workers, _: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async { Ok(Outcome::AgainAt(workers.now() + MUCH_LATER)) })
}

/// The outcome of work that was given up.
pub(crate) const fn given_up() -> Outcome {
    Outcome::Done(GIVEN_UP)
}
