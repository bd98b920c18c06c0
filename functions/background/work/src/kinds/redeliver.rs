//! Deliveries of a webhook that failed are queued again, slice by slice (outsend 16.1).

use shared::{
    BoxFuture,
    model::{Redelivery, WorkItem},
};
use time::Duration;

use crate::{
    kind::{Kind, MAX_TIME, Outcome, WorkError, try_later},
    workers::Workers,
};

/// Deliveries after which the walk waits, so that no more are due at a time than the sweep sends to a quick receiver.
const AT_A_TIME: usize = 240;
/// How long it waits.
const PAUSE: Duration = Duration::minutes(1);

/// The walk along a webhook's log; the subject says how far it came. What is made again is left alone by whoever walks
/// there once more.
pub(crate) const REDELIVER: Kind = Kind { run: redeliver, give_up: try_later };

fn redeliver<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let (began, mut queued) = (workers.now(), 0);
        let mut asked = Redelivery::named_by(&work.subject).ok_or(WorkError::Subject)?;
        loop {
            let slice = workers.store().redeliver_slice(&asked, workers.now()).await?;
            let Some(next) = slice.next else { return Ok(Outcome::Done("queued again")) };
            (asked, queued) = (next, queued + slice.queued);
            let now = workers.now();
            let due = if queued >= AT_A_TIME { now + PAUSE } else { now };
            if due > now || now - began >= MAX_TIME {
                workers.store().continue_work_as(work, &asked.work().subject, due).await?;
                return Ok(Outcome::Ended);
            }
        }
    })
}
