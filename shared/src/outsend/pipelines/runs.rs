//! How a run begins and goes on: always decided from what is stored now, and written over the version that was read, so
//! that signals may come twice, late, in any order or never (outsend 14.4).

use std::collections::HashMap;

use time::OffsetDateTime;

use super::{
    blocks::block,
    definition::{Definition, read},
    planning::{Plan, named_source},
    view::view,
};
use crate::{
    BoxFuture,
    context::Context,
    model::{
        Account, Announcement, EventData, EventName, JobId, Module, NodeRun, Pipeline, PipelineId, PipelineRun,
        Planner, RunStatus, Trigger,
    },
    outsend::{envelope::Problem, messages::Detail, places, refusal::Refusal},
    store::{NodeCreation, RunCreation, Store, StoreError, after_lost_race},
};

/// Checks what a run needs before it begins: modules that are available, the jobs that its imports copy, and the zones of
/// its searches for places, which must be within the ceiling and the quota (outsend 14.4).
///
/// # Errors
/// As for a job; when the store fails.
pub fn check_start<'a>(
    context: &'a Context,
    planner: &'a dyn Planner,
    account: &'a Account,
    definition: &'a Definition,
    now: OffsetDateTime,
) -> BoxFuture<'a, Result<(), Refusal>> {
    Box::pin(async move {
        let modules = context.settings().modules;
        if let Some(node) = definition.nodes.iter().find(|node| !node.module.available(modules)) {
            return Err(Detail::ModuleOff(node.module.as_str()).into());
        }
        let (until, mut need) = (places::deadline(), 0_u64);
        for (place, node) in definition.nodes.iter().enumerate().filter(|(_, node)| block(node.module).is_root()) {
            if node.module != Module::Scrap {
                named_source(context.store(), account.user.id, &node.config, now).await?;
                continue;
            }
            let planned =
                places::check(context, planner, &node.config, until).await.map_err(|refusal| match refusal {
                    Refusal::Invalid(faults) => {
                        let at = |path: String| format!("definition.nodes.{place}.config.{path}");
                        Refusal::Invalid(faults.into_iter().map(|(path, fault)| (at(path), fault)).collect())
                    }
                    other => other,
                })?;
            let ceiling = context.settings().jobs.job_ceiling;
            if planned > ceiling {
                return Err(Detail::EfCeiling { need: planned, ceiling }.into());
            }
            need = need.saturating_add(planned);
        }
        if need > 0
            && let Some(quota) = context.store().quota(account.organization.plan)
        {
            let used = context.store().requests_used(account.user.id, now).await?;
            if used.saturating_add(need) > quota {
                return Err(Detail::EfQuota { used, quota, need }.into());
            }
        }
        Ok(())
    })
}

/// A run that begins: its roots have the ids of their jobs.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn first_run(
    pipeline: PipelineId,
    owner: &Account,
    definition: &Definition,
    trigger: Trigger,
    now: OffsetDateTime,
) -> Result<PipelineRun, getrandom::Error> {
    let mut nodes = Vec::with_capacity(definition.nodes.len());
    for node in &definition.nodes {
        let job = if node.from.is_none() { Some(JobId::at(now)?) } else { None };
        nodes.push(NodeRun::new(node.id.clone(), node.module, node.from, job));
    }
    Ok(PipelineRun {
        pipeline,
        user: owner.user.id,
        organization: owner.organization.id,
        number: 1,
        trigger,
        cancelled: false,
        status: RunStatus::Pending,
        nodes,
        created_at: now,
        started_at: None,
        completed_at: None,
        version: 1,
    })
}

/// Starts another run of a pipeline of `owner`, by its stored definition or by a copy of it, and makes its first jobs.
///
/// # Errors
/// What [`check_start`] refuses; 404 when there is no such pipeline, 400 while a run that its owner started is active.
pub fn start_run<'a>(
    context: &'a Context,
    planner: &'a dyn Planner,
    owner: &'a Account,
    (pipeline, definition): (PipelineId, &'a str),
    trigger: Trigger,
) -> BoxFuture<'a, Result<(Pipeline, PipelineRun), Problem>> {
    Box::pin(async move {
        let (store, now) = (context.store(), context.clock().now());
        let read = read(definition).ok_or_else(|| Problem::Crash("a stored definition cannot be read".to_owned()))?;
        check_start(context, planner, owner, &read, now).await?;
        let first = first_run(pipeline, owner, &read, trigger, now)?;
        let make = move |number: u64| PipelineRun { number, ..first.clone() };
        let (pipeline, run) = match store.add_run(owner.user.id, pipeline, &make).await? {
            RunCreation::Created(created) => *created,
            RunCreation::Active => return Err(Detail::PipelineActive.into()),
            // nothing else is written with this one that could change
            RunCreation::Gone | RunCreation::Changed => return Err(Detail::NoPipeline.into()),
        };
        let run = launch(context, planner, run).await;
        Ok((pipeline, run))
    })
}

/// Makes the first jobs of a run that was just stored. The run is there whatever becomes of this: what fails is left to
/// its work.
pub async fn launch(context: &Context, planner: &dyn Planner, run: PipelineRun) -> PipelineRun {
    let advanced = async {
        let advanced = advance(context, planner, run.pipeline, run.number).await?;
        context.store().launched(&run).await?;
        Ok::<_, StoreError>(advanced)
    };
    match advanced.await {
        Ok(advanced) => advanced.unwrap_or(run),
        Err(error) => {
            tracing::warn!(pipeline = %run.pipeline, run = run.number, cause = %error, "first jobs left to work");
            run
        }
    }
}

/// Lets a run follow what its jobs came to, and makes the jobs whose turn it is; the run as it is then, or `None` when
/// there is none.
///
/// # Errors
/// When the store fails.
pub fn advance<'a>(
    context: &'a Context,
    planner: &'a dyn Planner,
    pipeline: PipelineId,
    number: u64,
) -> BoxFuture<'a, Result<Option<PipelineRun>, StoreError>> {
    Box::pin(async move {
        let store = context.store();
        let mut lost = 0;
        let mut definition = None;
        loop {
            let Some(run) = store.run(pipeline, number).await? else { return Ok(None) };
            if !run.status.is_active() {
                return Ok(Some(run));
            }
            let open = run.open_jobs();
            let jobs = if open.is_empty() { HashMap::new() } else { store.jobs_by_id(&open).await? };
            let next = run.followed(&jobs, context.clock().now());
            let written = match next.ready() {
                None if next == run => return Ok(Some(run)),
                None => write(store, &run, &next).await?.is_some(),
                Some(place) => {
                    if definition.is_none() {
                        definition = store.definition(pipeline).await?.as_deref().and_then(read);
                    }
                    let Some(definition) = &definition else { return Ok(Some(run)) };
                    make(context, planner, definition, (&run, &next), place).await?
                }
            };
            if !written {
                after_lost_race(lost).await?;
                lost += 1;
            }
        }
    })
}

/// Makes the job of the node at `place`, or has the node fail; `Ok(false)` when the run changed meanwhile.
async fn make(
    context: &Context,
    planner: &dyn Planner,
    definition: &Definition,
    (before, next): (&PipelineRun, &PipelineRun),
    place: usize,
) -> Result<bool, StoreError> {
    let (store, now) = (context.store(), context.clock().now());
    let made = async {
        let account = store.account(next.user).await?.filter(|account| account.user.active);
        let account = account.ok_or(Detail::Deactivated)?;
        let new = Plan { context, planner, account: &account, run: next, definition, now }.job(place).await?;
        let with_job = next.with_job(place, new.job.id);
        match store.create_node_job(&new, account.organization.plan, before, &with_job).await? {
            NodeCreation::Created => Ok(true),
            NodeCreation::Changed => Ok(false),
            NodeCreation::OverQuota(used, quota) => {
                Err(Refusal::Detail(Detail::EfQuota { used, quota, need: new.job.charged }))
            }
        }
    };
    match made.await {
        Ok(written) => Ok(written),
        Err(refusal) => {
            let refused = next.refused(place, refusal.text()?, now);
            Ok(write(store, before, &refused).await?.is_some())
        }
    }
}

/// Writes what became of a run, and announces its end with it (outsend 16.2); `None` when it changed meanwhile.
async fn write(store: &Store, before: &PipelineRun, next: &PipelineRun) -> Result<Option<PipelineRun>, StoreError> {
    let name = match next.status {
        RunStatus::Pending | RunStatus::Running => None,
        RunStatus::Done => Some(EventName::PipelineCompleted),
        RunStatus::Failed => Some(EventName::PipelineFailed),
        RunStatus::Cancelled => Some(EventName::PipelineCancelled),
    };
    let (Some(name), Some(at)) = (name.filter(|_| before.status.is_active()), next.completed_at) else {
        return store.put_run(before, next, None).await;
    };
    let Some(pipeline) = store.any_pipeline(next.pipeline).await? else { return Ok(None) };
    let told = serde_json::to_string(&view(&pipeline, next, None));
    let told = told.map_err(|error| StoreError::Call { operation: "tell", cause: error.to_string() })?;
    let reference = format!("{}-{}", next.pipeline, next.number);
    let told = Announcement { user: next.user, name, reference, at, data: EventData::Json(told) };
    store.put_run(before, next, Some(&told)).await
}

/// Marks a run as one that is to be cancelled: it makes no more jobs. The run as it is then; `None` when it is gone.
///
/// # Errors
/// When the store fails.
pub fn cancel(
    store: &Store,
    run: PipelineRun,
    now: OffsetDateTime,
) -> BoxFuture<'_, Result<Option<PipelineRun>, StoreError>> {
    Box::pin(async move {
        let mut run = run;
        for attempt in 0.. {
            if !run.status.is_active() || run.cancelled {
                return Ok(Some(run));
            }
            if let Some(written) = write(store, &run, &run.to_cancel(now)).await? {
                return Ok(Some(written));
            }
            after_lost_race(attempt).await?;
            match store.run(run.pipeline, run.number).await? {
                Some(known) => run = known,
                None => return Ok(None),
            }
        }
        Ok(None)
    })
}

/// Lets a run follow what its jobs came to, without making any; the run as it is then, or `None` when there is none.
///
/// # Errors
/// When the store fails.
pub fn record(
    store: &Store,
    pipeline: PipelineId,
    number: u64,
    now: OffsetDateTime,
) -> BoxFuture<'_, Result<Option<PipelineRun>, StoreError>> {
    Box::pin(async move {
        for attempt in 0.. {
            let Some(run) = store.run(pipeline, number).await? else { return Ok(None) };
            let jobs = store.jobs_by_id(&run.open_jobs()).await?;
            let next = run.followed(&jobs, now);
            if next == run {
                return Ok(Some(run));
            }
            if let Some(written) = write(store, &run, &next).await? {
                return Ok(Some(written));
            }
            after_lost_race(attempt).await?;
        }
        Ok(None)
    })
}
