//! What is left of a deleted account is removed, slice by slice (outsend 6.3, openscouter 18).

use shared::{
    BoxFuture,
    model::{OrganizationId, Owner, UserId, WorkItem},
};
use time::Duration;

use crate::{
    kind::{Kind, MAX_TIME, Outcome, WorkError, try_later},
    workers::Workers,
};

/// The removal of an account's remains; the subject is the user, the organization and the partition of the address's
/// rate windows, with spaces between; work of before has no third.
pub(crate) const ERASE: Kind = Kind { run: erase, give_up: try_later };

/// How long a slice of a job can be under way.
const LEASE: Duration = Duration::minutes(2);

fn erase<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let began = workers.now();
        let (user, organization, address) = subject(work).ok_or(WorkError::Subject)?;
        let windows = [Owner::User(user), Owner::Organization(organization)];
        let windows: Vec<_> = windows.map(Owner::partition).into_iter().chain(address.map(str::to_owned)).collect();
        while workers.now() - began < MAX_TIME {
            if workers.store().erase_slice(user, organization, workers.now()).await? {
                // once no job is left that finds some
                let files = workers.assets().erase(user, began + MAX_TIME).await.map_err(WorkError::Failed)?;
                match files {
                    None => break,
                    // a slice that was under way can have found one more
                    Some(true) => return Ok(Outcome::AgainAt(workers.now() + LEASE)),
                    Some(false) => {}
                }
                workers.context().limits().forget(&windows).await?;
                return Ok(Outcome::Done("erased"));
            }
        }
        Ok(Outcome::AgainAt(workers.now()))
    })
}

fn subject(work: &WorkItem) -> Option<(UserId, OrganizationId, Option<&str>)> {
    let mut words = work.subject.split(' ');
    Some((UserId::parse(words.next()?)?, OrganizationId::parse(words.next()?)?, words.next()))
}
