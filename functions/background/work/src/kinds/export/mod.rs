//! A personal export is put together, slice by slice (openscouter 18).

mod bundle;

use shared::{
    BoxFuture,
    model::{ExportId, UserId, WorkItem},
};

use crate::{
    kind::{Kind, Outcome, WorkError, given_up},
    workers::Workers,
};

/// An export; the subject is the user and the export, with a space between.
pub(crate) const EXPORT: Kind = Kind { run: export, give_up: fail };

fn export<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let (user, id) = subject(work).ok_or(WorkError::Subject)?;
        let done = bundle::make(workers.context(), user, id).await?;
        Ok(if done { Outcome::Done("exported") } else { Outcome::AgainAt(workers.now()) })
    })
}

/// Ends an export that failed again and again, so that another one can be asked for.
fn fail<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let (user, id) = subject(work).ok_or(WorkError::Subject)?;
        workers.store().fail_export(user, id, workers.now()).await?;
        Ok(given_up())
    })
}

fn subject(work: &WorkItem) -> Option<(UserId, ExportId)> {
    let (user, id) = work.subject.split_once(' ')?;
    Some((UserId::parse(user)?, ExportId::parse(id)?))
}
