//! Veilles on the wire (outsend 15.1).

use serde::Serialize;

use super::{access::Caller, envelope::Problem, format::timestamp, messages::Detail, request_context::RequestContext};
use crate::{
    BoxFuture,
    model::{Veille, VeilleRun, VeilleSource, number_from_path},
    store::{StoreError, VeilleAndRun},
};

/// What is told of a veille.
#[derive(Debug, Serialize)]
pub struct VeilleView<'a> {
    id: u64,
    name: &'a str,
    source_job_id: Option<String>,
    source_pipeline_id: Option<String>,
    frequency_days: u16,
    status: &'static str,
    next_run_at: String,
    last_run_at: Option<String>,
    last_run_job_id: Option<String>,
    run_count: u64,
    created_at: String,
}

/// What is told of a veille.
#[must_use]
pub fn view(veille: &Veille) -> VeilleView<'_> {
    let schedule = &veille.schedule;
    let (source_job_id, source_pipeline_id) = match veille.source {
        VeilleSource::Job(id) => (Some(id.to_string()), None),
        VeilleSource::Pipeline(id) => (None, Some(id.to_string())),
    };
    VeilleView {
        id: veille.id,
        name: &veille.name,
        source_job_id,
        source_pipeline_id,
        frequency_days: schedule.frequency_days,
        status: schedule.status.as_str(),
        next_run_at: timestamp(schedule.next_run_at),
        last_run_at: veille.last_success_at.map(timestamp),
        last_run_job_id: veille.last_success_job.map(|id| id.to_string()),
        run_count: veille.successes,
        created_at: timestamp(schedule.created_at),
    }
}

#[derive(Debug, Serialize)]
struct CountsView {
    new: u64,
    closed: u64,
    modified: u64,
    unchanged: u64,
}

/// What is told of a run.
#[derive(Debug, Serialize)]
pub struct RunView<'a> {
    id: u64,
    veille_id: u64,
    status: &'static str,
    job_id: Option<String>,
    pipeline_id: Option<String>,
    pipeline_run: Option<u64>,
    scheduled_for: String,
    started_at: String,
    completed_at: Option<String>,
    error_message: Option<&'a str>,
    counts: CountsView,
}

/// What is told of a run.
#[must_use]
pub fn run_view(run: &VeilleRun) -> RunView<'_> {
    let counts = run.counts;
    RunView {
        id: run.number,
        veille_id: run.veille,
        status: run.status.as_str(),
        job_id: run.job.map(|id| id.to_string()),
        pipeline_id: run.pipeline.map(|(id, _)| id.to_string()),
        pipeline_run: run.pipeline.map(|(_, number)| number),
        scheduled_for: timestamp(run.slot),
        started_at: timestamp(run.started_at),
        completed_at: run.completed_at.map(timestamp),
        error_message: run.error.as_deref(),
        counts: CountsView {
            new: counts.new,
            closed: counts.closed,
            modified: counts.modified,
            unchanged: counts.unchanged,
        },
    }
}

/// The run that a path names, with its veille, whoever it belongs to: nothing of it is seen before its owner is known to
/// ask.
#[derive(Debug)]
pub struct NamedRun(Result<VeilleAndRun, StoreError>);

/// Reads the run that the path's `veille` and `run` name, while it is found out who calls.
#[must_use]
pub fn named_run(cx: &RequestContext) -> BoxFuture<'_, NamedRun> {
    Box::pin(async {
        let Some(veille) = number_from_path(cx.path("veille")) else { return NamedRun(Ok((None, None))) };
        // a number that is none of a run is that of the source, which is not shown
        let run = number_from_path(cx.path("run")).unwrap_or(0);
        NamedRun(cx.context.store().veille_and_run((veille, run)).await)
    })
}

impl NamedRun {
    /// The run, if its veille is the caller's, a deleted one too.
    ///
    /// # Errors
    /// 404 when there is none, or when it is somebody else's; when the store failed.
    pub fn owned_by(self, caller: &Caller) -> Result<VeilleRun, Problem> {
        let (veille, run) = self.0?;
        veille.filter(|veille| veille.user == caller.account.user.id).ok_or(Detail::NoMonitor)?;
        Ok(run.filter(|run| run.number > 0).ok_or(Detail::NoRun)?)
    }
}
