//! A run of a veille starts: a job by its template, or a run of its pipeline (outsend 15.3).

use shared::{
    model::{
        Account, Job, JobId, Module, PipelineId, PipelineRun, Trigger, Veille, VeilleRun, VeilleRunStatus, VeilleSource,
    },
    outsend::{
        Refusal,
        messages::Detail,
        pipelines::{check_start, first_run, launch, read},
        places,
    },
    store::{NodeCreation, RunCreation, Template},
};

use super::sorting::{Step, end};
use crate::{kind::WorkError, workers::Workers};

/// Starts a run; what the rules of the API refuse is its end.
pub(super) async fn start(workers: &Workers, veille: &Veille, run: &VeilleRun) -> Result<Step, WorkError> {
    let started = async {
        let account = workers.store().account(veille.user).await?.filter(|account| account.user.active);
        let account = account.ok_or(Detail::Deactivated)?;
        match veille.source {
            VeilleSource::Pipeline(id) => pipeline(workers, &account, (veille, run), id).await,
            VeilleSource::Job(_) => job(workers, &account, run).await,
        }
    };
    match started.await {
        Ok(step) => Ok(step),
        Err(refusal) => end(workers, run, VeilleRunStatus::Failed, Some(refusal.text()?)).await,
    }
}

async fn pipeline(
    workers: &Workers,
    account: &Account,
    (veille, run): (&Veille, &VeilleRun),
    id: PipelineId,
) -> Result<Step, Refusal> {
    let (store, now) = (workers.store(), workers.now());
    let definition = store.definition(id).await?.as_deref().and_then(read).ok_or(Detail::NoPipeline)?;
    check_start(workers.context(), &engine::Rules, account, &definition, now).await?;
    let trigger = Trigger::Veille { veille: run.veille, run: run.number };
    let first = first_run(id, account, &definition, trigger, now).map_err(|_| Detail::Server)?;
    let make = move |number: u64| PipelineRun { number, ..first.clone() };
    match store.add_veille_run(veille, id, run, &make).await? {
        RunCreation::Created(created) => {
            launch(workers.context(), &engine::Rules, created.1).await;
            Ok(Step::Done)
        }
        // a run of its owner's is in the way of no other one
        RunCreation::Changed | RunCreation::Active => Ok(Step::Later),
        RunCreation::Gone => Err(Detail::NoPipeline.into()),
    }
}

/// A search for places, as its template has it.
async fn job(workers: &Workers, account: &Account, run: &VeilleRun) -> Result<Step, Refusal> {
    let (store, now, module) = (workers.store(), workers.now(), Module::Scrap);
    if !module.available(workers.settings().modules) {
        return Err(Detail::ModuleOff(module.as_str()).into());
    }
    let Template { parameters, .. } = store.veille_template(run.veille).await?.ok_or(Detail::SourceExpired)?;
    let rules = &workers.settings().jobs;
    let id = JobId::at(now).map_err(|_| Detail::Server)?;
    let job =
        Job { veille: Some((run.veille, run.number)), ..Job::new(id, &account.user, module, now, rules.lifetime) };
    // its zones are known since the template's own job, or are looked up again
    let new = places::search(workers.context(), &engine::Rules, job, &parameters.options).await?;
    let charged = new.job.charged;
    if charged > rules.job_ceiling {
        return Err(Detail::EfCeiling { need: charged, ceiling: rules.job_ceiling }.into());
    }
    match store.create_veille_job(&new, account.organization.plan, run).await? {
        NodeCreation::Created => Ok(Step::Done),
        NodeCreation::Changed => Ok(Step::Later),
        NodeCreation::OverQuota(used, quota) => Err(Detail::EfQuota { used, quota, need: charged }.into()),
    }
}
