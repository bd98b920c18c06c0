//! A run of a veille on its way: how far it is, and how it ends (outsend 15.1, 16.2).

use serde::Serialize;
use shared::{
    model::{Announcement, EventData, EventName, Locale, Veille, VeilleRun, VeilleRunStatus},
    outsend::{
        messages::Detail,
        veilles::{RunView, VeilleView, run_view, view},
    },
    store::StoreError,
};
use time::OffsetDateTime;

use super::rows::Progress;
use crate::{
    kind::{MAX_TIME, WorkError},
    workers::Workers,
};

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is done.
    Done,
    /// There is no time left; it goes on where it was.
    More,
    /// Somebody else changed the run, or something that is needed is not there yet.
    Later,
}

/// What a run says of a refusal.
pub(super) fn text(detail: &Detail) -> String {
    // what a run says is data, and English (outsend 2.5)
    detail.text(Locale::En)
}

/// What an event tells of a run that succeeded (outsend 16.2).
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    run: RunView<'a>,
    veille: VeilleView<'a>,
}

fn told(veille: &Veille, run: &VeilleRun) -> Result<Announcement, StoreError> {
    let data = serde_json::to_string(&Told { run: run_view(run), veille: view(veille) })
        .map_err(|error| StoreError::Call { operation: "tell", cause: error.to_string() })?;
    Ok(Announcement {
        user: veille.user,
        name: EventName::VeilleRunCompleted,
        reference: format!("veille-{}-{}", run.veille, run.number),
        at: run.completed_at.unwrap_or(run.started_at),
        data: EventData::Json(data),
    })
}

/// Ends a run.
pub(super) async fn end(
    workers: &Workers,
    run: &VeilleRun,
    status: VeilleRunStatus,
    error: Option<String>,
) -> Result<Step, WorkError> {
    let now = workers.now();
    let ended = run.ended(status, error, now);
    Ok(workers.store().end_veille_run(run, &ended, &told, now).await?.map_or(Step::Later, |_| Step::Done))
}

/// A run whose rows are sorted and compared, as far as its time goes.
pub(super) struct Sorting<'a> {
    pub(super) workers: &'a Workers,
    pub(super) run: VeilleRun,
    pub(super) progress: Progress,
    pub(super) until: OffsetDateTime,
}

impl<'a> Sorting<'a> {
    pub(super) fn of(workers: &'a Workers, run: &VeilleRun) -> Result<Self, WorkError> {
        let progress = Progress::read(run.progress.as_deref())?;
        Ok(Self { workers, run: run.clone(), progress, until: workers.now() + MAX_TIME })
    }

    pub(super) const fn named(&self) -> (u64, u64) {
        (self.run.veille, self.run.number)
    }

    pub(super) fn is_late(&self) -> bool {
        self.workers.now() >= self.until
    }

    /// Keeps how far it is; `Ok(false)` when somebody else changed the run.
    pub(super) async fn keep(&mut self) -> Result<bool, WorkError> {
        let status = VeilleRunStatus::Running;
        let next = VeilleRun { status, progress: Some(self.progress.write()?), ..self.run.clone() };
        match self.workers.store().put_veille_run(&self.run, &next).await? {
            Some(kept) => self.run = kept,
            None => return Ok(false),
        }
        Ok(true)
    }

    /// Keeps how far it is, to go on with it later.
    pub(super) async fn pause(&mut self) -> Result<Step, WorkError> {
        Ok(if self.keep().await? { Step::More } else { Step::Later })
    }

    pub(super) async fn end(&self, status: VeilleRunStatus, error: Option<Detail>) -> Result<Step, WorkError> {
        end(self.workers, &self.run, status, error.as_ref().map(text)).await
    }
}
