//! Keys, API tokens and connections that a user ended are removed (outsend 4.3, openscouter 3.4, 3.5); they are refused
//! already.

use shared::{
    BoxFuture,
    model::{UserId, WorkItem},
};

use crate::{
    kind::{Kind, Outcome, WorkError, try_later},
    workers::Workers,
};

/// The removal of what a user ended; the subject is the user.
pub(crate) const END: Kind = Kind { run: end, give_up: try_later };

fn end<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let user = UserId::parse(&work.subject).ok_or(WorkError::Subject)?;
        workers.store().remove_ended_credentials(user, workers.now()).await?;
        Ok(Outcome::Done("removed"))
    })
}
