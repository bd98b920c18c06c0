//! An event is added to its account's feed (outsend 16.2).

use shared::{
    BoxFuture,
    model::{Announcement, EventData, WorkItem},
    outsend::jobs::view,
};

use crate::{
    kind::{Kind, Outcome, WorkError, try_later},
    workers::Workers,
};

/// The publication of an event; the subject is the user and the reference. Never given up: the event would be lost.
pub(crate) const PUBLISH: Kind = Kind { run: publish, give_up: try_later };

fn publish<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let (user, reference) = Announcement::named_by(&work.subject).ok_or(WorkError::Subject)?;
        let announced = workers.store().announced(user, reference).await?;
        // an earlier attempt can have published it
        if let Some(announcement) = announced {
            workers.store().publish(&announcement, &data(&announcement)?, workers.now()).await?;
        }
        Ok(Outcome::Done("published"))
    })
}

/// What the event tells, as JSON: a job as it was at the transition.
fn data(announcement: &Announcement) -> Result<String, WorkError> {
    match &announcement.data {
        EventData::Json(text) => Ok(text.clone()),
        EventData::Job(job) => {
            serde_json::to_string(&view(job, announcement.at)).map_err(|error| WorkError::Failed(error.to_string()))
        }
    }
}
