//! A job goes on, slice by slice (outsend 7.4).

mod assets;
mod hosts;
mod input;
mod slice;

use std::sync::Arc;

use engine::Means;
use shared::{
    BoxFuture,
    model::{JobId, WorkItem},
    store::{Ending, StoreError},
};
use time::Duration;

use self::{assets::OwnersAssets, hosts::SharedHosts, slice::Slice};
use crate::{
    kind::{Kind, Outcome, WorkError, given_up},
    network::services,
    workers::Workers,
};

/// The pause before a slice that failed is tried again.
const RETRY: Duration = Duration::seconds(5);

/// A job; the subject is its id.
pub(crate) const JOB: Kind = Kind { run, give_up };

fn run<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let network = workers.network().map_err(WorkError::Failed)?;
        let Some(id) = JobId::parse(&work.subject) else { return Ok(Outcome::Ended) };
        let slice = async {
            let Some(taken) = workers.store().take_job(id, work.attempt > 1).await? else { return Ok(Slice::Nothing) };
            let lane = taken.job.lane();
            let hosts = Arc::new(SharedHosts::new(workers.context().clone()));
            let services = Arc::new(services(workers.settings()));
            let assets = Arc::new(OwnersAssets { assets: workers.assets().clone(), owner: taken.job.user });
            let slice = slice::run(workers.context(), Means { network, hosts, services, assets }, taken).await?;
            if slice == Slice::Ended {
                // its slot is free
                workers.store().fill_lane(lane, workers.now()).await?;
            }
            Ok::<_, StoreError>(slice)
        };
        match slice.await {
            // a job's end takes its work along; what somebody else has is theirs to end
            Ok(Slice::Ended | Slice::Nothing) => Ok(Outcome::Ended),
            Ok(Slice::More(due)) => Ok(Outcome::AgainAt(due)),
            // given back rather than lost, so that it does not count as an item that kills its workers
            Err(error) => {
                tracing::warn!(work = work.id, cause = %error, "slice failed");
                Ok(Outcome::AgainAt(workers.now() + RETRY))
            }
        }
    })
}

/// Ends a job whose workers died again and again at one item. A job that has committed something in between goes on.
fn give_up<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        if let Some(id) = JobId::parse(&work.subject) {
            let job = workers.store().any_job(id).await?;
            // an item that kills its workers is passed over, where the job knows its items
            if job.is_some_and(|job| job.planned.is_some() && job.stuck < slice::HOPELESS) {
                return Ok(Outcome::AgainAt(workers.now()));
            }
            let ending = Ending::Failed(slice::INTERNAL_ERROR.to_owned());
            workers.store().end_job(id, ending, workers.now()).await?;
        }
        Ok(given_up())
    })
}
