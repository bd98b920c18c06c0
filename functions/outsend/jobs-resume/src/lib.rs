//! `POST /api/jobs/resume`: goes on with a job that ended before its time (outsend 8.4).

use shared::{
    http::Response,
    model::{Job, JobId, JobStatus, Module},
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        fields::{Fields, object},
        jobs::{new_job, one_check, store_job, view},
        limits::JOBS,
        messages::Detail,
        request_context::RequestContext,
    },
    store::{NewJob, PackedRows},
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE.under(JOBS), |cx, caller| Box::pin(resume(cx, caller)));

async fn resume(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let mut fields = Fields::new(object(&cx.request, true)?);
    let id = fields.text("job_id", 1, 64).unwrap_or_default();
    fields.finish()?;
    let id = JobId::parse(&id).ok_or(Detail::NoJob)?;
    let old = cx.context.store().job(caller.account.user.id, id).await?.ok_or(Detail::NoJob)?;
    // who may make such a job may go on with it
    if old.module == Module::Scrap && !caller.account.user.verified {
        return Err(Detail::Unverified.into());
    }
    let planned = check_resumable(cx, &old).await?;
    if old.module == Module::DeliveryCheck {
        one_check(cx, &caller).await?;
    }
    let job = match continued(cx, &caller, &old, planned).await {
        Err(Problem::Detail(Detail::NotResumable)) => {
            // it changed meanwhile: another resumption can have been first, and says so now
            let known = cx.context.store().job(caller.account.user.id, id).await?.ok_or(Detail::NoJob)?;
            check_resumable(cx, &known).await?;
            return Err(Detail::NotResumable.into());
        }
        done => done?,
    };
    Ok(json_answer(200, &view(&job, cx.now)))
}

/// Refuses a job that did not stop before its end, cannot run here or is being resumed; gives its planned items.
async fn check_resumable(cx: &RequestContext, old: &Job) -> Result<u64, Problem> {
    let stopped = matches!(old.status_at(cx.now), JobStatus::Failed | JobStatus::Cancelled);
    let planned = old.planned.filter(|planned| stopped && old.processed < *planned).ok_or(Detail::NotResumable)?;
    if !old.module.available(cx.context.settings().modules) {
        return Err(Detail::ModuleOff(old.module.as_str()).into());
    }
    if let Some(earlier) = old.resumed_as
        && let Some(earlier) = cx.context.store().any_job(earlier).await?
        && earlier.status.is_active()
    {
        return Err(Detail::AlreadyResumed(earlier.id.to_string()).into());
    }
    Ok(planned)
}

/// A new job that begins where the old one stopped.
async fn continued(cx: &RequestContext, caller: &Caller, old: &Job, planned: u64) -> Result<Job, Problem> {
    let store = cx.context.store();
    let parameters = store.job_parameters(old.id).await?.ok_or(Detail::NotResumable)?;
    let job = Job {
        planned: Some(planned),
        processed: old.processed,
        results: old.results,
        errors: old.errors,
        attempts: old.attempts,
        deep: old.deep,
        charged: old.refund(),
        taken_over: old.processed,
        source: Some(old.id),
        input: old.input,
        ignored: old.ignored,
        search: old.search.clone(),
        breakdown: old.breakdown.clone(),
        ..new_job(cx, caller, old.module)?
    };
    // the copies come first: without its header nobody sees them, and they end by themselves
    if !store.copy_rows(old, &job).await? {
        return Err(Detail::NotResumable.into());
    }
    let new = NewJob {
        job,
        parameters,
        rows: PackedRows::default(),
        text: None,
        log: Vec::new(),
        resumes: Some(old.clone()),
    };
    store_job(cx, caller, new).await
}
