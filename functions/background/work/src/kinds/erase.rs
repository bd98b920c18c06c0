//! What is left of a deleted account is removed, slice by slice (outsend 6.3, openscouter 18).

use shared::{
    BoxFuture,
    model::{OrganizationId, UserId, WorkItem},
};

use crate::{
    kind::{Kind, MAX_TIME, Outcome, WorkError, try_later},
    workers::Workers,
};

/// The removal of an account's remains; the subject is the user and the organization, with a space between.
pub(crate) const ERASE: Kind = Kind { run: erase, give_up: try_later };

fn erase<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let began = workers.now();
        let (user, organization) = subject(work).ok_or(WorkError::Subject)?;
        while workers.now() - began < MAX_TIME {
            if workers.store().erase_slice(user, organization, workers.now()).await? {
                return Ok(Outcome::Done("erased"));
            }
        }
        Ok(Outcome::AgainAt(workers.now()))
    })
}

fn subject(work: &WorkItem) -> Option<(UserId, OrganizationId)> {
    let (user, organization) = work.subject.split_once(' ')?;
    Some((UserId::parse(user)?, OrganizationId::parse(organization)?))
}
