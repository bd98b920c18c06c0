//! What was written is ranked in the lists that show it. Only work of an earlier version comes this way: it is left to the
//! lists' drainer. Done again, nothing changes; never given up, since a row would be missing for ever.

use shared::{BoxFuture, model::WorkItem, store::SharedList};

use crate::{
    kind::{Kind, Outcome, Run, WorkError, try_later},
    workers::Workers,
};

const RANKED: Outcome = Outcome::Done("ranked");

/// A record of the audit trail; the subject is its id.
pub(crate) const AUDIT: Kind = needed(audit);
/// An organization, in the operator's list; the subject is its id.
pub(crate) const ORGANIZATION: Kind = needed(organization);
/// Studies, in the operator's lists; the subject is their ids, with spaces between.
pub(crate) const STUDIES: Kind = needed(studies);
/// A test session; the subject is its id.
pub(crate) const TEST_SESSION: Kind = needed(test_session);

const fn needed(run: Run) -> Kind {
    Kind { run, give_up: try_later }
}

fn audit<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    left(workers, work, SharedList::Audit)
}

fn organization<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    left(workers, work, SharedList::Organizations)
}

fn studies<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    left(workers, work, SharedList::Studies)
}

fn left<'a>(workers: &'a Workers, work: &'a WorkItem, list: SharedList) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async move {
        workers.store().leave_to_drainer(list, &work.id, &work.subject).await?;
        Ok(RANKED)
    })
}

fn test_session<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    left(workers, work, SharedList::TestSessions)
}
