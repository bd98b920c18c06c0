//! What a withdrawn consent covered goes (openscouter 18).

use shared::{
    BoxFuture,
    clock::from_epoch_millis,
    model::{ConsentKind, UserId, WorkItem},
};
use time::OffsetDateTime;

use crate::{
    kind::{Kind, MAX_TIME, Outcome, WorkError, try_later},
    workers::Workers,
};

/// The withdrawal of a consent; the subject is the user, the consent and the time, with spaces between.
pub(crate) const WITHDRAW: Kind = Kind { run: withdraw, give_up: try_later };

fn withdraw<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let began = workers.now();
        let (user, kind, revoked_at) = subject(work).ok_or(WorkError::Subject)?;
        let enough = || workers.now() - began >= MAX_TIME;
        let withdrawn = workers.store().withdraw_consent(user, (kind, revoked_at), began, &enough).await?;
        Ok(if withdrawn { Outcome::Done("withdrawn") } else { Outcome::AgainAt(workers.now()) })
    })
}

fn subject(work: &WorkItem) -> Option<(UserId, ConsentKind, OffsetDateTime)> {
    let [user, kind, revoked_at] = work.subject.split(' ').collect::<Vec<_>>()[..] else { return None };
    Some((UserId::parse(user)?, ConsentKind::parse(kind)?, from_epoch_millis(revoked_at.parse().ok()?)?))
}
